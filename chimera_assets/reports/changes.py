"""What is another figure than in the revision before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports import document as doc
from chimera_assets.reports.evidence.strict_json import at
from chimera_assets.reports.rendering.people import from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chimera_assets.reports.evidence.predicate import Figure
    from chimera_assets.reports.evidence.strict_json import Json

SECTION = "changes"
#: The sections that are others in each revision, or say nothing of the period.
_OF_THE_MOMENT = frozenset({SECTION, "audit_trail"})
_NONE = "none"


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
    def statuses(self) -> dict[str, str | None]:
        """What its sections say, by section, but for what is said of the log that it stands in."""
        found: Any = at(self.report, "/sections", "report.json")
        return {one["id"]: one["status"] for one in found if one["id"] not in _OF_THE_MOMENT}

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
        if name in old and name in new:
            ways = zip(_told(before.report, old[name]), _told(now.report, new[name]), strict=True)
            *_, last = both = list(ways)
            rows.append((name, *next((pair for pair in both if pair[0] != pair[1]), last)))
        elif name in old:
            rows.append((name, next(_told(before.report, old[name])), _NONE))
        else:
            rows.append((name, _NONE, next(_told(now.report, new[name]))))
    said = ((name, before.statuses.get(name), now.statuses.get(name)) for name in now.statuses)
    rows += [
        (f"what section {name} says", then or _NONE, by_now or _NONE)
        for name, then, by_now in said
        if then != by_now
    ]
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


def _told(report: Json, figure: Figure) -> Iterator[str]:
    """What there is to say of a figure, each time more of it: of a table, how many rows it has."""
    found: Any = at(report, figure.pointer, "report.json")
    if "rows" in found:
        rows = f"{len(found['rows']):,} rows"
        yield rows
        yield from (f"{rows}, SHA-256 {figure.sha256[:8]}…",) * 2
        return
    kind, unit = doc.Kind(found["kind"]), found["unit"]
    value, before = (from_json(found[name], kind, unit) for name in ("value", "before"))
    yield value
    yield f"{value}, in the period before {before}"
    yield f"{found['value']}, in the period before {found['before']}"
