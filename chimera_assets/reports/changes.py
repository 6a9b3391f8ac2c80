"""What is another figure than in the revision before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports import document as doc
from chimera_assets.reports.evidence.strict_json import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chimera_assets.reports.evidence.predicate import Figure
    from chimera_assets.reports.evidence.strict_json import Json

SECTION = "changes"


@dataclass(frozen=True, slots=True)
class Version:
    """One revision of a report.

    Attributes:
        figures: Its figures.
        report: What its `report.json` says.
    """

    figures: Sequence[Figure]
    report: Json

    @property
    def notes(self) -> tuple[str, ...]:
        """What it says that it lacks."""
        found: Any = at(self.report, "/notes", "report.json")
        return tuple(found)


def changed_figures(before: Iterable[Figure], now: Iterable[Figure]) -> list[str]:
    """The names of the figures that are others now, that are new, or that are no more.

    Figures that were computed from tables of the period alone: what is said of the moment of the
    build, of the audit log for instance, does not count.
    """
    then, by_now = _counting(before), _counting(now)
    return sorted(
        name for name in then.keys() | by_now.keys() if then.get(name) != by_now.get(name)
    )


def changes_section(before: Version, now: Version, revision: int) -> doc.Section:
    """The section that says what is another figure than in the revision before."""
    old = {figure.name: figure for figure in before.figures if figure.tables}
    new = {figure.name: figure for figure in now.figures if figure.tables}
    rows = []
    for name in changed_figures(before.figures, now.figures):
        then = _shown(before.report, old[name]) if name in old else "none"
        by_now = _shown(now.report, new[name]) if name in new else "none"
        if then == by_now and name in old and name in new:
            then, by_now = (
                f"{shown}, {_before(version.report, figures[name])}"
                for shown, version, figures in ((then, before, old), (by_now, now, new))
            )
        rows.append((name, then, by_now))
    columns = (
        doc.Column("figure", "Figure"),
        doc.Column("before", f"Revision {revision - 1}"),
        doc.Column("now", f"Revision {revision}"),
    )
    table = doc.Table("changes_since_last_revision", "Figures that changed", columns, tuple(rows))
    intro = f"What is another figure than in revision {revision - 1}, which stays as it is."
    return doc.Section(SECTION, f"Changes since revision {revision - 1}", (table,), None, intro)


def _counting(figures: Iterable[Figure]) -> dict[str, str]:
    return {figure.name: figure.sha256 for figure in figures if figure.tables}


def _shown(report: Json, figure: Figure) -> str:
    """A figure's value; of a table how many rows it has."""
    found: Any = at(report, figure.pointer, "report.json")
    if "rows" in found:
        return f"{len(found['rows']):,} rows"
    return _value(found["value"], found["unit"])


def _before(report: Json, figure: Figure) -> str:
    """What a figure is compared with; of a table, which looks the same, that its rows are not."""
    found: Any = at(report, figure.pointer, "report.json")
    if "rows" in found:
        return f"SHA-256 {figure.sha256[:8]}…"
    return f"in the period before {_value(found['before'], found['unit'])}"


def _value(value: object, unit: str) -> str:
    return "none" if value is None else f"{value} {unit}".strip()
