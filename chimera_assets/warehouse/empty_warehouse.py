"""The models of packs as views over empty tables, in DuckDB and without dbt.

The staged tables are there without rows, as the contracts describe them. So DuckDB itself says what
it does not know: a table, a column, a function. It can reach neither files nor the network here, so
that a model which would read them is refused, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from chimera_assets.contracts.dbt_sources import SOURCE, staged_columns
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.packs.errors import ModelError, SelectError
from chimera_assets.packs.models import model_files
from chimera_assets.packs.select import read_select
from chimera_assets.paths import regular_text
from chimera_assets.warehouse.model_text import Unknown, model_text
from chimera_assets.warehouse.sql_places import place
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.packs.model_columns import DescribedModel

#: Folder of models -> the schema of their tables, as in `dbt_project.yml`.
_SCHEMAS = {"staging": "staging", "marts": MARTS, "aggregations": AGGREGATES}

#: The schema in which a model finds its own table as it was.
BEFORE = "before"

#: What is expected.
_NO_CIRCLE = "ref to a model that does not read this one"
_SOURCE_IN_WORDS = f"source {SOURCE}"


class EmptyWarehouse:
    """The models, made one after the other as views over empty tables.

    Args:
        connection: An empty DuckDB.
        packs: Packs that are used together.
        contracts: The contracts of all their streams.
        described: What is said of the models.

    Attributes:
        files: Model -> its file.
        schemas: Model -> the schema of its table.
        sql: Model -> its SQL, as it is run for all hours.
        problems: What is wrong with the models.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        packs: Sequence[Pack],
        contracts: Iterable[Contract],
        described: Mapping[str, DescribedModel],
    ) -> None:
        self.files: dict[str, Path] = {}
        self.schemas: dict[str, str] = {}
        self.sql: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._connection, self._described = connection, described
        self._streams = {one.stream: staged_columns(one) for one in contracts}
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._missing: set[str] = set()
        for pack in packs:
            for path in model_files(pack):
                self.files.setdefault(path.stem, path)
                folder = path.relative_to(pack.models).parts[0]
                self.schemas.setdefault(path.stem, _SCHEMAS.get(folder, folder))
        for schema in {SOURCE, BEFORE, *self.schemas.values()}:
            connection.execute(f'CREATE SCHEMA "{schema}"')
        for stream, columns in self._streams.items():
            self._empty_table(f'"{SOURCE}"."{stream}"', columns)
        for setting in ("python_enable_replacements = false", "enable_external_access = false"):
            connection.execute(f"SET {setting}")
        connection.execute("SET lock_configuration = true")

    def make_all(self) -> None:
        """Make every model; notes what is wrong with them."""
        for name in self.files:
            self.make(name)

    def make(self, name: str) -> None:
        """Make a model, and before it those that it reads; notes what is wrong with it."""
        if name in self._begun:
            return
        self._begun.add(name)
        types, reads = self._described_types(name), set[str]()
        try:
            made = self._made(name, reads)
        except ModelError as error:
            if not reads & self._missing:  # else what is wrong is said of that model
                what = f"model {name}"
                self._note(self.files[name], error.line, what, error.expected, error.found)
            if types:  # so that what reads it is looked at, too
                self._empty_table(self._relation(name), types)
            else:
                self._missing.add(name)
        else:
            self._compare(name, made)
        self._ended.add(name)

    def try_analysis(self, path: Path) -> None:
        """Make an analysis, which is rendered whenever dbt reads the project, beside the models."""
        try:
            self._views(f'"{BEFORE}"."analysis of {path.stem}"', path, self._ref, '"this"')
        except ModelError as error:
            what = f"analysis {path.stem}"
            self._note(path, error.line, what, error.expected, error.found)

    def _made(self, name: str, reads: set[str]) -> dict[str, str]:
        """Make one model; its columns and their types. What it reads is added to `reads`."""

        def ref(read: str) -> str:
            reads.add(read)
            return self._ref(read)

        return self._views(self._relation(name), self.files[name], ref, f'"{BEFORE}"."{name}"')

    def _views(
        self, relation: str, path: Path, ref: Callable[[str], str], before: str
    ) -> dict[str, str]:
        """Make a view of each SQL that a file can be rendered to; its columns and their types."""
        try:
            text = regular_text(path)
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or type(error).__name__
            raise ModelError(1, "a readable UTF-8 file", found) from error
        # dbt may render it for all hours, and for some: both have to fit.
        by_run = "run_hours" in text or "run_months" in text
        ways = (True, False) if by_run else (False,)
        for of_hours in ways:
            sql = model_text(text, ref, self._source, before, of_hours=of_hours)
            made = self._view(relation, sql, text)
        self.sql[path.stem] = sql
        return made

    def _view(self, relation: str, sql: str, text: str) -> dict[str, str]:
        """Make a view of a model's SQL; its columns and their types."""
        try:
            read_select(sql)
            self._connection.execute(f"CREATE OR REPLACE VIEW {relation} AS (\n{sql}\n)")
            rows = self._connection.execute(f"DESCRIBE {relation}").fetchall()
        except SelectError as error:
            line, _ = place(self._syntax_error(sql) or error.found, text, sql)
            raise ModelError(line, error.expected, error.found) from error
        except duckdb.Error as error:
            line, words = place(str(error), text, sql, before=1)
            raise ModelError(line, "SQL that fits the tables that it reads", words) from error
        return {row[0]: row[1] for row in rows}

    def _syntax_error(self, sql: str) -> str:
        """What DuckDB's parser says of a text, with the line."""
        try:
            self._connection.extract_statements(sql)
        except duckdb.Error as error:
            return str(error)
        return ""

    def _described_types(self, name: str) -> dict[str, str]:
        """The types of a model's columns as described, after its table as it was is made so."""
        described = self._described.get(name)
        if described is None:
            return {}
        types = {column: kind for column, (kind, _) in described.columns.items()}
        try:
            self._empty_table(f'"{BEFORE}"."{name}"', types)
        except duckdb.Error:
            self._note_types(described)
            return {}
        return types

    def _note_types(self, described: DescribedModel) -> None:
        for column, (kind, line) in described.columns.items():
            try:
                self._connection.execute(f"SELECT CAST(NULL AS {kind})")
            except duckdb.Error:
                what = f"type of column {column}"
                self._note(described.path, line, what, "a type that DuckDB knows", kind)

    def _compare(self, name: str, made: Mapping[str, str]) -> None:
        described = self._described.get(name)
        if described is None:
            return
        for column, (kind, line) in described.columns.items():
            if column not in made:
                what, expected = f"column of model {name}", one_of(list(made), column)
                self._note(described.path, line, what, expected, column)
            elif column in described.typed and self._type(kind) not in {None, made[column]}:
                what, expected = f"type of column {column}", made[column].lower()
                self._note(described.path, line, what, f"{expected}, as the model makes it", kind)

    def _type(self, kind: str) -> str | None:
        """A type as DuckDB calls it; None if it knows none of that name."""
        try:
            rows = self._connection.execute(f"DESCRIBE SELECT CAST(NULL AS {kind})").fetchall()
        except duckdb.Error:
            return None
        return str(rows[0][1])

    def _ref(self, name: str) -> str:
        if name not in self.files:
            expected = f"ref to a model, {one_of(self.files, name)}"
            raise Unknown(expected, name)
        if name in self._begun - self._ended:
            raise Unknown(_NO_CIRCLE, name)
        self.make(name)
        return self._relation(name)

    def _source(self, source: str, name: str) -> str:
        if source != SOURCE:
            raise Unknown(_SOURCE_IN_WORDS, source)
        if name not in self._streams:
            expected = f"source of a stream, {one_of(self._streams, name)}"
            raise Unknown(expected, name)
        return f'"{SOURCE}"."{name}"'

    def _relation(self, name: str) -> str:
        return f'"{self.schemas[name]}"."{name}"'

    def _empty_table(self, relation: str, columns: Mapping[str, str]) -> None:
        if columns:
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self._connection.execute(f"CREATE TABLE {relation} ({listed})")

    def _note(self, path: Path, line: int, what: str, expected: str, found: str) -> None:
        self.problems.append(Problem(path, line, what, expected, found))
