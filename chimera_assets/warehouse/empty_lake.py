"""The tables of a lake that packs make, without rows: what a section's SELECT would give of them.

A table has the columns here that a report may show, as it has where the section is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from chimera_assets.contracts.dbt_sources import staged_columns
from chimera_assets.errors import ArgumentError, in_short, one_line
from chimera_assets.layers import AGGREGATES, LANDING, MARTS, QUALITY, QUARANTINE, RAW, STAGED
from chimera_assets.packs.errors import SelectError
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.system_tables import (
    batches,
    check_results,
    column_lineage,
    column_profiles,
    deletion_log,
    legal_holds,
    replays,
    upkeep,
)
from chimera_assets.warehouse.column_lineage import model_lineage
from chimera_assets.warehouse.duckdb import add_report_day, identifier
from chimera_assets.warehouse.empty_warehouse import BEFORE
from chimera_assets.warehouse.select_tables import UnknownTableError, what_is_read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb.sqltypes import DuckDBPyType

    from chimera_assets.contracts import Contract
    from chimera_assets.privacy.origins import Lineages, Relation
    from chimera_assets.warehouse.empty_warehouse import EmptyWarehouse
    from chimera_assets.warehouse.select_tables import Reading

#: The platform's own tables: they are there, and of what columns is not looked at here.
_OWN = (
    *(
        (QUALITY, one.NAME)
        for one in (
            *(batches, check_results, column_lineage, column_profiles),
            *(deletion_log, legal_holds, replays, upkeep),
        )
    ),
    ("access", "access_log"),
)

#: What is expected.
_OF_TABLES, _THAT_FITS = "a SELECT over tables", "SQL that fits the tables that it reads"
_THAT_DIFFER = "columns whose names differ"


class EmptyLake:
    """The tables of a lake, without rows.

    Args:
        connection: Where the models were made.
        warehouse: The models; each could be made.
        contracts: The contracts of all streams, by stream.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        warehouse: EmptyWarehouse,
        contracts: Mapping[str, Contract],
    ) -> None:
        self._models, self._warehouse, self._contracts = connection, warehouse, contracts
        self._lineages: Lineages = {}
        self._masks = Masks(OPERATOR_LEVEL, contracts, self._lineages)
        of_streams = (RAW, STAGED, QUARANTINE, LANDING)
        made = ((layer, name) for name, layer in warehouse.schemas.items())
        self._known = {
            *_OWN,
            *((layer, stream) for layer in of_streams for stream in contracts),
            *(one for one in made if one[0] in {MARTS, AGGREGATES}),
        }

    def columns(self, sql: str) -> dict[str, DuckDBPyType] | None:
        """The columns that a SELECT gives, with their types; None if that cannot be told here.

        Raises:
            SelectError: A report cannot have what it names, or it does not fit its tables.
        """
        try:
            reading = what_is_read(sql, self._known)
        except UnknownTableError as error:
            raise SelectError(error.expected, str(error.named)) from None
        except ArgumentError as error:
            raise SelectError(_OF_TABLES, str(error).removeprefix("the query: ")) from None
        relations = sorted({(one.layer, one.name) for one in reading.tables})
        with duckdb.connect(":memory:") as asked:
            if not all(self._copied(asked, reading, one) for one in relations):
                return None
            for name in {one.name for one in reading.tables if one.bare}:
                (layer,) = {one.layer for one in reading.tables if one.bare and one.name == name}
                asked.execute(f"CREATE VIEW {identifier(name)} AS FROM {_quoted((layer, name))}")
            add_report_day(asked, "UTC")
            for setting in ("python_enable_replacements", "enable_external_access"):
                asked.execute(f"SET {setting} = false")
            try:
                given = asked.sql(sql)
            except duckdb.Error as error:
                words = one_line(str(error).partition("\n\nLINE ")[0])
                raise SelectError(_THAT_FITS, words) from None
            if len(set(map(str.lower, given.columns))) < len(given.columns):
                raise SelectError(_THAT_DIFFER, in_short(given.columns))
            return dict(zip(given.columns, given.types, strict=True))

    def _copied(
        self, asked: duckdb.DuckDBPyConnection, reading: Reading, relation: Relation
    ) -> bool:
        """Make a table of the columns that may be shown; whether these are known, and any."""
        layer, name = relation
        if layer in {RAW, STAGED}:
            types = staged_columns(self._contracts[name])
            masked = self._masks.stream_columns(name, types)
        elif layer in {MARTS, AGGREGATES}:
            types = self._described(relation)
            self._follow(relation)
            empty = self._models.sql(f"FROM {_quoted(relation)} LIMIT 0").pl()
            masked = self._masks.columns(layer, name, empty.schema)
        else:
            return False
        if reading.words is not None and (refused := sorted(filter(reading.may_use, masked))):
            expected = f"columns of {layer}/{name} that a report may show"
            raise SelectError(expected, in_short(refused))
        shown = ", ".join(f"{identifier(one)} {types[one]}" for one in types if one not in masked)
        if shown:
            asked.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(layer)}")
            asked.execute(f"CREATE TABLE {_quoted(relation)} ({shown})")
        return bool(shown)

    def _follow(self, relation: Relation) -> None:
        """Note what a model's columns are made of, and those of the models that it reads."""
        name = relation[1]
        sql = self._warehouse.sql.get(name)
        if relation in self._lineages or sql is None:
            return
        # What is in its own table came the same ways.
        sql = sql.replace(_quoted((BEFORE, name)), _quoted(relation))
        lineage = model_lineage(sql, self._described(relation), self._described)
        self._lineages[relation] = {"": lineage}
        for read in lineage.reads or ():
            if read[0] != STAGED:
                self._follow(read)

    def _described(self, relation: Relation) -> dict[str, str]:
        """The columns of a table of the warehouse, with their types."""
        rows = self._models.execute(f"DESCRIBE {_quoted(relation)}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}


def _quoted(relation: Relation) -> str:
    return ".".join(map(identifier, relation))
