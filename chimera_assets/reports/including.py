"""Which reports say something of the tables and the hour that a record is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.reports.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from chimera_assets.reports.store import Store, StoredReport

#: The zones that there are differ by no more than this from UTC.
_ZONES = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Including:
    """A report that includes what a record is counted in, or perhaps does.

    Attributes:
        report: The report and revision, by its name.
        figures: Its figures that were computed from these tables.
        versions: The tables, each with the version that they were computed from.
        problem: Why nobody can tell what it includes; None where its manifest can be read.
    """

    report: str
    figures: tuple[str, ...]
    versions: dict[str, int]
    problem: str | None = None


def including(
    store: Store, tables: Collection[str], hour: datetime, tenant: str | None
) -> Iterator[Including]:
    """The reports of an hour that are computed from any of these tables, all revisions.

    Args:
        store: The reports.
        tables: Layer and name of the tables that a record is in or counted in.
        hour: The record's hour.
        tenant: Its tenant; reports of others do not include it. None if it has none.
    """
    for report in store.reports():
        if not _may_have(report, hour):
            continue
        try:
            said = store.statement(report).predicate
        except (ChimeraError, FileNotFoundError) as error:
            yield Including(report.name, (), {}, str(error))
            continue
        of_tenant = said.report.parameters.get("tenant")
        if not said.report.start <= hour < said.report.end or of_tenant not in {None, tenant}:
            continue
        read = [
            (figure.name, one)
            for figure in said.figures
            for one in figure.tables
            if one.table in tables
        ]
        if read:
            names = tuple(dict.fromkeys(name for name, _ in read))
            yield Including(report.name, names, {one.table: one.version for _, one in read})


def _may_have(report: StoredReport, hour: datetime) -> bool:
    """Whether a report's period may hold an hour, whatever its zone."""
    try:
        hours = parse_period(report.period).hours
    except ChimeraError:
        return False
    return hours.start - _ZONES <= hour < hours.end + _ZONES
