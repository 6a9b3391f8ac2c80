"""Which bundle a command means: a folder, a ZIP file, or a report of this lake by its name."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.lake import open_lake
from chimera_assets.reports.access import OPERATOR, found
from chimera_assets.reports.evidence.checks import Check, Outcome
from chimera_assets.reports.evidence.verification import Verification, verify_bundle
from chimera_assets.reports.store import Store, StoredReport
from chimera_assets.spool import spool_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.reports.evidence.log_checks import Trust


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bundle that is meant.

    Attributes:
        path: Its folder or ZIP file.
        stored: The report of this lake in whose place it is; None if it was given by its path.
    """

    path: Path
    stored: StoredReport | None = None

    def verified(self, trust: Trust) -> Verification:
        """What its verification finds; in another report's place it is not sound."""
        result = verify_bundle(self.path, trust)
        if (said := self.misplaced(result)) is None:
            return result
        wrong = Check("report", Outcome.NOT_SATISFIED, said)
        return replace(result, checks=(*result.checks, wrong))

    def misplaced(self, result: Verification) -> str | None:
        """What is said if it is another report than the name says; None if it is that."""
        if self.stored is None or result.statement is None:
            return None
        report = result.statement.predicate.report
        return another(self.stored, report.id, report.revision)


def another(stored: StoredReport, id_: object, revision: object) -> str | None:
    """What is said of a report in another one's place; None if it is in its own."""
    if (id_, revision) == (stored.id, stored.revision):
        return None
    return f"{stored.folder}: expected the report {stored.name}, found {id_}.r{revision}"


@contextmanager
def bundle_of(where: str) -> Iterator[Bundle]:
    """The bundle that is meant; one that is on S3 is copied for the time being.

    Raises:
        NoSuchReport: There is no such path, and no report of that name.
    """
    if Path(where).exists():
        yield Bundle(Path(where))
        return
    store = Store(open_lake())
    report = found(store, where, OPERATOR)
    if (local := store.local(report)) is not None:
        yield Bundle(local, report)
        return
    with spool_folder("report") as folder:
        store.fetch(report, folder)
        yield Bundle(folder, report)
