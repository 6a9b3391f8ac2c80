"""Computing a report's figures again, from the very versions of the tables that it names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from chimera_assets.errors import one_line
from chimera_assets.reports.answers import Answer, QueryError, UnreadableError
from chimera_assets.reports.evidence.strict_json import at
from chimera_assets.reports.queries import Scope
from chimera_assets.reports.rendering.machines import scalar
from chimera_assets.reports.sections.own import OWN_SECTIONS
from chimera_assets.reports.sections.plain_values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.reports.evidence.predicate import Figure
    from chimera_assets.reports.evidence.strict_json import Json
    from chimera_assets.reports.queries import PeriodTables

#: So much of a value is shown.
_WIDTH = 80

#: What may become of a figure.
REPRODUCED, DIFFERS, UNREADABLE = "reproduced", "differs", "cannot be read"
NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A figure that was computed again.

    Attributes:
        name: The figure.
        outcome: `reproduced`, `differs`, `cannot be read` or `not evaluated`.
        detail: What was found, or why it was not evaluated.
    """

    name: str
    outcome: str
    detail: str


def reproduce(
    figures: Sequence[Figure], report: Json, tables: PeriodTables, scope: Scope, before: Scope
) -> Iterator[Reproduced]:
    """Compute the figures of a report again, and compare.

    Args:
        figures: The figures, as the manifest has them.
        report: What `report.json` says.
        tables: The lake's tables, in the versions that the manifest names.
        scope: The report's hours and tenant.
        before: Those of the period before, with which figures are compared.
    """
    computed = {figure.name: figure.query for figure in figures if figure.tables}
    own = {name: sql for name, sql in computed.items() if name.partition(".")[0] in OWN_SECTIONS}
    of_packs = {name: sql for name, sql in computed.items() if name not in own}
    # What the platform's own sections ask for, they ask of the rows of all tenants.
    answers = tables.ask(of_packs, scope) | tables.ask(own, Scope(scope.hours))
    said: dict[str, Any] = {
        figure.name: at(report, figure.pointer, "report.json") for figure in figures
    }
    compared = {name: sql for name, sql in of_packs.items() if _has_before(said[name])}
    then = tables.ask(compared, before)
    for figure in figures:
        if not figure.tables:
            detail = "it says something of the moment of the build"
            yield Reproduced(figure.name, NOT_EVALUATED, detail)
            continue
        found = _compared(figure, answers[figure.name], said[figure.name])
        if found.outcome == REPRODUCED and figure.name in then:
            compared_with = {"value": said[figure.name]["before"]}
            past = _compared(figure, then[figure.name], compared_with)
            if past.outcome != REPRODUCED:
                found = replace(past, detail=f"the period before: {past.detail}")
        yield found


def _has_before(said: Any) -> bool:  # noqa: ANN401
    return said.get("before") is not None


def _compared(figure: Figure, answer: Answer | QueryError, said: Any) -> Reproduced:  # noqa: ANN401
    if isinstance(answer, QueryError):
        outcome = UNREADABLE if isinstance(answer, UnreadableError) else NOT_EVALUATED
        return Reproduced(figure.name, outcome, answer.problem)
    rows = [[scalar(plain(value)) for value in row] for row in answer.rows]
    versions = ", ".join(f"{read.table} version {read.version}" for read in answer.read)
    expected = said["rows"] if "rows" in said else [[said["value"]]]
    if rows == expected:
        return Reproduced(figure.name, REPRODUCED, versions)
    columns = [one["name"] for one in said["columns"]] if "rows" in said else None
    return Reproduced(figure.name, DIFFERS, f"{_difference(expected, rows, columns)}; {versions}")


def _difference(
    expected: Sequence[Any], found: Sequence[Any], columns: Sequence[str] | None
) -> str:
    """The first place at which rows differ; of a figure, which has no columns, its value."""
    if columns is None:
        return f"expected {expected[0][0]}, found {found[0][0] if found else 'none'}"
    if len(expected) != len(found):
        words = f"expected {len(expected):,} rows, found {len(found):,}; "
    else:
        words = ""
    for number, (row, other) in enumerate(zip_longest(expected, found), 1):
        if row is None or other is None:
            return f"{words}row {number:,}: found {'none' if other is None else 'one more'}"
        for name, value, now in zip(columns, row, other, strict=False):
            if value != now:
                seen = f"expected {_shown(value)}, found {_shown(now)}"
                return f"{words}row {number:,}, column {name}: {seen}"
    return f"{words}expected {len(columns):,} columns, found others"


def _shown(value: object) -> str:
    return one_line(str(value), _WIDTH)
