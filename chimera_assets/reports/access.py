"""Who may read which report: everything that shows reports to somebody asks here.

Whoever is bound to tenants sees the reports of these alone, and of no other that there is one: not
its name, not its period. A report of which nobody can tell whose it is, is nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.reports.store import NoSuchReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.reports.store import Store, StoredReport


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who wants to read reports.

    Attributes:
        tenants: The tenants that they are bound to; None for all, and for reports of all.
    """

    tenants: frozenset[str] | None = None


#: Whoever works on the machine itself.
OPERATOR = Reader()


def readable(store: Store, reader: Reader) -> Iterator[StoredReport]:
    """The reports that somebody may read, by period, id and revision."""
    for report in store.reports():
        if _may_read(store, report, reader):
            yield report


def found(store: Store, name: str, reader: Reader) -> StoredReport:
    """The report of a name: of one revision, or the newest of an id.

    Raises:
        NoSuchReport: There is none that this reader may read.
    """
    try:
        report = store.find(name)
    except NoSuchReport:
        report = None
    if report is None or not _may_read(store, report, reader):
        raise NoSuchReport(name, [one.name for one in readable(store, reader)])
    return report


def _may_read(store: Store, report: StoredReport, reader: Reader) -> bool:
    if reader.tenants is None:
        return True
    try:
        statement = store.statement(report)
    except (ChimeraError, FileNotFoundError):
        return False
    return statement.predicate.report.parameters.get("tenant") in reader.tenants
