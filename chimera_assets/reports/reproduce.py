"""Computing a report's figures again, from the very versions of the tables that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.answers import Answer, QueryError
from chimera_assets.reports.evidence.strict_json import at
from chimera_assets.reports.rendering.machines import scalar
from chimera_assets.reports.sections.plain_values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.reports.evidence.predicate import Figure
    from chimera_assets.reports.evidence.strict_json import Json
    from chimera_assets.reports.queries import PeriodTables, Scope

#: What may become of a figure.
REPRODUCED, DIFFERS, NOT_EVALUATED = "reproduced", "differs", "not evaluated"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A figure that was computed again.

    Attributes:
        name: The figure.
        outcome: `reproduced`, `differs` or `not evaluated`.
        detail: What was found, or why it was not evaluated.
    """

    name: str
    outcome: str
    detail: str


def reproduce(
    figures: Sequence[Figure], report: Json, tables: PeriodTables, scope: Scope
) -> Iterator[Reproduced]:
    """Compute the figures of a report again, and compare.

    Args:
        figures: The figures, as the manifest has them.
        report: What `report.json` says.
        tables: The lake's tables, in the versions that the manifest names.
        scope: The report's hours and tenant.
    """
    computed = {figure.name: figure.query for figure in figures if figure.tables}
    answers = tables.ask(computed, scope)
    for figure in figures:
        if not figure.tables:
            detail = "it says something of the moment of the build"
            yield Reproduced(figure.name, NOT_EVALUATED, detail)
            continue
        yield _compared(figure, answers[figure.name], at(report, figure.pointer, "report.json"))


def _compared(figure: Figure, answer: Answer | QueryError, said: Any) -> Reproduced:  # noqa: ANN401
    if isinstance(answer, QueryError):
        return Reproduced(figure.name, NOT_EVALUATED, answer.problem)
    rows = [[scalar(plain(value)) for value in row] for row in answer.rows]
    expected = said["rows"] if "rows" in said else [[said["value"]]]
    versions = ", ".join(f"{read.table} version {read.version}" for read in answer.read)
    if rows == expected:
        return Reproduced(figure.name, REPRODUCED, versions)
    if "rows" in said:
        words = f"expected {len(expected):,} rows, found {len(rows):,}, or others of them"
    else:
        words = f"expected {expected[0][0]}, found {rows[0][0] if rows else 'none'}"
    return Reproduced(figure.name, DIFFERS, f"{words}; {versions}")
