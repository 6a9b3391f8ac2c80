"""Whether sections of packs can be built: their SELECTs are asked of the packs' tables, empty."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from chimera_assets.packs.engine_functions import aggregates
from chimera_assets.packs.errors import PackError, SelectError
from chimera_assets.packs.model_columns import described_models
from chimera_assets.packs.sections import read_section, section_files
from chimera_assets.packs.select import may_give_several_rows
from chimera_assets.warehouse.empty_lake import EmptyLake
from chimera_assets.warehouse.empty_warehouse import EmptyWarehouse
from chimera_assets.yaml_documents import Problem, one_of, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from chimera_assets.contracts import Contract
    from chimera_assets.packs import Pack
    from chimera_assets.packs.sections import Figure, Section, Table
    from chimera_assets.yaml_documents import Location

_NUMBERS = frozenset(
    {
        *("bigint", "decimal", "double", "float", "hugeint", "integer", "smallint", "tinyint"),
        *("bignum", "uhugeint", "ubigint", "uinteger", "usmallint", "utinyint"),
    }
)

#: What is expected of a figure.
_ONE_ROW = "SQL that gives one row of whatever rows: no GROUP BY, or LIMIT 1"


def section_sql_problems(
    packs: Sequence[Pack], contracts: Mapping[str, Contract]
) -> Iterator[Problem]:
    """What of the packs' sections would not be evaluated, whatever the rows are.

    Nothing is found while there is something wrong with models, which their own check tells.

    Args:
        packs: Packs that are used together.
        contracts: The contracts of all streams, by stream.
    """
    files = [path for pack in packs for path in section_files(pack)]
    if not files:
        return
    with suppress(PackError), duckdb.connect(":memory:") as connection:
        described = described_models(packs)
        warehouse = EmptyWarehouse(connection, packs, contracts.values(), described)
        warehouse.make_all()
        if not warehouse.problems:
            lake = EmptyLake(connection, warehouse, contracts)
            for path in files:
                with suppress(PackError):  # which the sections' own check tells
                    yield from _SectionCheck(lake, path, read_section(path)).problems()


class _SectionCheck:
    """One section, while it is looked at."""

    def __init__(self, lake: EmptyLake, path: Path, section: Section) -> None:
        self._lake, self._section = lake, section
        self._document = read_document(path, "section", PackError)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with its figures, tables and charts."""
        for name, figure in self._section.figures.items():
            try:
                yield from self._of_figure(name, figure)
            except SelectError as error:
                yield self._problem(("figures", name, "sql"), error.expected, error.found)
        for name, table in self._section.tables.items():
            try:
                yield from self._of_table(name, table)
            except SelectError as error:
                yield self._problem(("tables", name, "sql"), error.expected, error.found)

    def _of_figure(self, name: str, figure: Figure) -> Iterator[Problem]:
        given = self._lake.columns(figure.sql)
        if given is None:
            return
        here = ("figures", name, "sql")
        if len(given) != 1:
            yield self._problem(here, "SQL that gives one value", f"{len(given)} columns")
        elif not _is_number(*given.values()):
            for bound in ("at_least", "at_most"):
                if getattr(figure, bound) is not None:
                    (kind,) = given.values()
                    expected = "SQL that gives a number, as it has a threshold"
                    yield self._problem(("figures", name, bound), expected, f"{kind}".lower())
        if may_give_several_rows(figure.sql, aggregates()):
            yield self._problem(here, _ONE_ROW, "SQL that may give several", "warning")

    def _of_table(self, name: str, table: Table) -> Iterator[Problem]:
        given = self._lake.columns(table.sql)
        if given is None:
            return
        for column in table.columns:
            if column not in given:
                yield self._unknown(("tables", name, "columns", column), given, column)
        for chart_name, chart in self._section.charts.items():
            if chart.table == name:
                yield from self._of_chart(chart_name, given)

    def _of_chart(self, name: str, given: Mapping[str, DuckDBPyType]) -> Iterator[Problem]:
        chart = self._section.charts[name]
        for axis in ("x", "y", "by"):
            column = getattr(chart, axis)
            if column is not None and column not in given:
                yield self._unknown(("charts", name, axis), given, column)
        if chart.y in given and not _is_number(given[chart.y]):
            found = f"{chart.y}, which is {given[chart.y]}".lower()
            yield self._problem(("charts", name, "y"), "a column of numbers", found)

    def _unknown(self, here: Location, given: Mapping[str, DuckDBPyType], column: str) -> Problem:
        return self._problem(here, f"a column of its SQL, {one_of(given, column)}", column)

    def _problem(
        self, here: Location, expected: str, found: str, severity: str = "error"
    ) -> Problem:
        kind, name, *part = map(str, here)
        what = f"{kind.removesuffix('s')} {name}, {part[0]}"
        line = self._document.line(here)
        return Problem(self._document.path, line, what, expected, found, severity)


def _is_number(kind: DuckDBPyType) -> bool:
    return kind.id in _NUMBERS
