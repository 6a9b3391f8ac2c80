"""Keeps what models make their columns of: in the lake, before the first row of a new version.

It is also kept in dbt's process, which tells it with the result of the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb

from chimera_assets.system_tables.column_lineage import append_lineages, column_lineages
from chimera_assets.warehouse.column_lineage import model_lineage
from chimera_assets.warehouse.duckdb import identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from chimera_assets.lake.lake import Lake
    from chimera_assets.lake.table import Table
    from chimera_assets.privacy.origins import Lineages, ModelLineage, Relation

#: What is another in each hour's SQL, and says nothing of where a column comes from; after what
#: quotes and digits are no literals in.
_LITERAL = re.compile(r"""(?P<kept>--[^\n]*|"[^"]*")|'[^']*'|\b\d+\b""")

#: By these a literal may end elsewhere, so that nothing is left out: comments in comments, quotes
#: by dollars, quotes after a backslash.
_UNSURE = ("/*", "$", "\\")

_CURRENT: dict[Relation, ModelLineage] = {}


@dataclass(frozen=True, slots=True)
class ModelSql:
    """A model as it is about to be built.

    Attributes:
        relation: Schema and name of what it makes.
        file: dbt's checksum of its file.
        sql: Its SQL as compiled.
        columns: What `*` in it may stand for, as far as that is known without asking DuckDB.
    """

    relation: Relation
    file: str
    sql: str
    columns: Collection[str]

    @property
    def version(self) -> str:
        """The same for SQL that makes its columns of the same, hour by hour."""
        unsure = any(mark in self.sql for mark in _UNSURE)
        sql = self.sql if unsure else _LITERAL.sub(_left, self.sql)
        return sha256("\0".join((self.file, sql, *self.columns)).encode()).hexdigest()


def _left(found: re.Match[str]) -> str:
    return found["kept"] or "?"


class LineageLog:
    """The lineage of the models of one invocation of dbt, whose threads may use it at once.

    Args:
        lake: The lake.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: Lineages | None = None
        self._new: Lineages = {}
        self._lock = Lock()

    def note_view(
        self,
        cursor: DuckDBPyConnection,
        view: Any,  # noqa: ANN401 - dbt's relation
        request: Mapping[str, Any],
    ) -> None:
        """Note what a view makes its columns of; it is written with the first table after it.

        Args:
            cursor: What has all that the view reads; it need not have the view.
            view: The view.
            request: What the macro `lineage_request` tells of it.
        """
        name = (view.schema, view.identifier)
        model = ModelSql(name, request["file"], request["sql"], request["columns"])
        self._note(cursor, model, lambda: column_names(cursor, f"({model.sql})"))

    def keep_table(
        self,
        cursor: DuckDBPyConnection,
        table: Table,
        request: Mapping[str, Any],
        schema: pa.Schema,
    ) -> None:
        """Write what a table's columns are made of, if it is new, with that of the views noted.

        To be called before any row of it is written.

        Args:
            cursor: What has all that the table is made from.
            table: The table.
            request: What the macro `lineage_request` tells of it.
            schema: The columns that come out.
        """
        name = (table.layer, table.name)
        model = ModelSql(name, request["file"], request["sql"], schema.names)
        self._note(cursor, model, lambda: schema.names)
        with self._lock:
            if self._new:
                append_lineages(self._lake, self._new)
                self._new = {}

    def _note(
        self, cursor: DuckDBPyConnection, model: ModelSql, outputs: Callable[[], Collection[str]]
    ) -> None:
        """Work out a model's lineage, if this version of it is a new one."""
        with self._lock:
            if self._known is None:
                self._known = column_lineages(self._lake)
            versions = self._known.setdefault(model.relation, {})
            if model.version not in versions:
                made = model_lineage(model.sql, outputs(), partial(_columns, cursor))
                versions[model.version] = made
                self._new.setdefault(model.relation, {})[model.version] = made
            _CURRENT[model.relation] = versions[model.version]


def current_lineage(layer: str, table: str) -> ModelLineage | None:
    """The lineage of a model that this process built; None if it did not."""
    return _CURRENT.get((layer, table))


def column_names(cursor: DuckDBPyConnection, rows: str) -> list[str]:
    """The names of the columns of a relation, or of a query in brackets."""
    described = cursor.execute(f"describe select * from {rows}").fetchall()  # noqa: S608
    return [str(row[0]) for row in described]


def _columns(cursor: DuckDBPyConnection, relation: Relation) -> list[str]:
    """The columns of a relation; none if DuckDB does not know it by this name."""
    try:
        return column_names(cursor, ".".join(map(identifier, relation)))
    except duckdb.Error:
        return []
