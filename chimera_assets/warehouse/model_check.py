"""Whether the models of packs can be built: made one by one in an empty DuckDB, without dbt.

The staged tables are there without rows, as the contracts describe them. So DuckDB itself says what
it does not know: a table, a column, a function. It can reach neither files nor the network here, so
that a model which would read them is refused, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from chimera_assets.contracts.dbt_sources import SOURCE, staged_columns
from chimera_assets.errors import one_line
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.packs.errors import ModelError, PackError, SelectError
from chimera_assets.packs.model_columns import described_models
from chimera_assets.packs.models import model_files
from chimera_assets.packs.select import read_select
from chimera_assets.warehouse.model_text import Unknown, model_text
from chimera_assets.warehouse.yml_check import yml_problems
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.packs.model_columns import DescribedModel

#: Folder of models -> the schema of their tables, as in `dbt_project.yml`.
_SCHEMAS = {"staging": "staging", "marts": MARTS, "aggregations": AGGREGATES}

#: The schema in which a model finds its own table as it was.
_BEFORE = "before"

#: What is expected.
_NO_CIRCLE = "ref to a model that does not read this one"
_SOURCE_IN_WORDS = f"source {SOURCE}"

#: Where DuckDB's message quotes the SQL: the line, cut at its ends if it is long.
_QUOTED = re.compile(r"\n+LINE \d+: (?:\.\.\.)?(?P<line>.*?)(?:\.\.\.)?\n")


def model_sql_problems(packs: Sequence[Pack], contracts: Iterable[Contract]) -> list[Problem]:
    """What keeps the models of packs from being built, and columns that are described and not made.

    Args:
        packs: Packs that are used together.
        contracts: The contracts of all their streams.
    """
    try:
        described = described_models(packs)
    except PackError as error:
        return list(error.problems)
    with duckdb.connect(":memory:") as connection:
        bench = _Bench(connection, packs, contracts, described)
        for name in bench.files:
            bench.make(name)
    for one in described.values():
        if one.name not in bench.files:
            expected = f"a model, {one_of(bench.files, one.name)}"
            bench.problems.append(Problem(one.path, one.line, "model", expected, one.name))
    return [*bench.problems, *yml_problems(packs)]


class _Bench:
    """The models, made one after the other as views over empty tables."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        packs: Sequence[Pack],
        contracts: Iterable[Contract],
        described: Mapping[str, DescribedModel],
    ) -> None:
        self.files: dict[str, Path] = {}
        self.problems: list[Problem] = []
        self._connection, self._described = connection, described
        self._streams = {one.stream: staged_columns(one) for one in contracts}
        self._schemas: dict[str, str] = {}
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._missing: set[str] = set()
        for pack in packs:
            for path in model_files(pack):
                self.files.setdefault(path.stem, path)
                folder = path.relative_to(pack.models).parts[0]
                self._schemas.setdefault(path.stem, _SCHEMAS.get(folder, folder))
        for schema in {SOURCE, _BEFORE, *self._schemas.values()}:
            connection.execute(f'CREATE SCHEMA "{schema}"')
        for stream, columns in self._streams.items():
            self._empty_table(f'"{SOURCE}"."{stream}"', columns)
        for setting in ("python_enable_replacements = false", "enable_external_access = false"):
            connection.execute(f"SET {setting}")
        connection.execute("SET lock_configuration = true")

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

    def _made(self, name: str, reads: set[str]) -> list[str]:
        """Make one model; the columns that it has. What it reads is added to `reads`."""

        def ref(read: str) -> str:
            reads.add(read)
            return self._ref(read)

        try:
            text = self.files[name].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(1, "a readable UTF-8 file", type(error).__name__) from error
        sql = model_text(text, ref, self._source, f'"{_BEFORE}"."{name}"')
        try:
            read_select(sql)
            relation = self._relation(name)
            self._connection.execute(f"CREATE VIEW {relation} AS (\n{sql}\n)")
            rows = self._connection.execute(f"DESCRIBE {relation}").fetchall()
        except SelectError as error:
            raise ModelError(1, error.expected, error.found) from error
        except duckdb.Error as error:
            line, words = _place(str(error), text)
            raise ModelError(line, "SQL that fits the tables that it reads", words) from error
        return [row[0] for row in rows]

    def _described_types(self, name: str) -> dict[str, str]:
        """The types of a model's columns as described, after its table as it was is made so."""
        described = self._described.get(name)
        if described is None:
            return {}
        types = {column: kind for column, (kind, _) in described.columns.items()}
        try:
            self._empty_table(f'"{_BEFORE}"."{name}"', types)
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

    def _compare(self, name: str, made: Sequence[str]) -> None:
        described = self._described.get(name)
        if described is None:
            return
        for column, (_, line) in described.columns.items():
            if column not in made:
                what, expected = f"column of model {name}", one_of(made, column)
                self._note(described.path, line, what, expected, column)

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
        return f'"{self._schemas[name]}"."{name}"'

    def _empty_table(self, relation: str, columns: Mapping[str, str]) -> None:
        if columns:
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self._connection.execute(f"CREATE TABLE {relation} ({listed})")

    def _note(self, path: Path, line: int, what: str, expected: str, found: str) -> None:
        self.problems.append(Problem(path, line, what, expected, found))


def _place(message: str, text: str) -> tuple[int, str]:
    """The line of the model that DuckDB complains of, the first if in doubt, and its words."""
    quoted = _QUOTED.search(message)
    words = one_line(message[: quoted.start()] if quoted is not None else message)
    part = quoted["line"].strip() if quoted is not None else ""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if part and part in line]
    return (lines[0] if lines else 1), words
