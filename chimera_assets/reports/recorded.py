"""What the audit log says of reports, and whether they are there as it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.audit.findings import Check
from chimera_assets.errors import ChimeraError
from chimera_assets.reports.evidence.bundle import MANIFEST
from chimera_assets.reports.evidence.statement import ACTION, entry_details

if TYPE_CHECKING:
    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.reports.evidence.statement import Statement
    from chimera_assets.reports.store import Store, StoredReport

#: The action of the entry that follows once a report is where it is kept. Where there is none, the
#: build was killed: without it, that and a report that was taken away would look the same.
KEPT = "report.keep"

#: The entries of reports that were built. One whose build failed has another entry that says so;
#: what says that of a report that was there is not by its build.
_BUILT = """
    SELECT * FROM (
        SELECT built.sequence, built.resource, details, EXISTS (
                SELECT FROM ONLY audit.entries AS kept
                WHERE kept.action = %(kept)s AND kept.resource = built.resource
                    AND kept.run_id = built.run_id AND kept.sequence > built.sequence
            ) AS kept, EXISTS (
                SELECT FROM ONLY audit.entries AS failed
                WHERE failed.action = %(action)s AND failed.failure_of = built.sequence
            ) AS failed
        FROM ONLY audit.entries AS built LEFT JOIN ONLY audit.details USING (sequence)
        WHERE action = %(action)s AND failure_of IS NULL
    ) AS each WHERE kept OR NOT failed ORDER BY sequence
"""
_ACTIONS = {"action": ACTION, "kept": KEPT}
_RESOURCE = "report "


def last_recorded(database: PlatformDatabase, id_: str) -> int:
    """The newest revision of a report that the audit log has; 0 if it has none.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    begins = f"{_RESOURCE}{id_}.r"
    with database.transaction() as session:
        rows = session.execute(_BUILT, _ACTIONS).fetchall()
    ends = (row["resource"].removeprefix(begins) for row in rows)
    return max((int(end) for end in ends if end.isdecimal()), default=0)


def check_reports(database: PlatformDatabase, store: Store) -> Check:
    """Whether every report on the record is there, with the files that it was recorded with.

    One whose build was killed is not missed.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        rows = session.execute(_BUILT, _ACTIONS).fetchall()
    if not rows:
        return Check("reports", None, notes=["no report was built yet"])
    there = {one.name: one for one in store.reports()}
    check = Check("reports", len(rows))
    for row in rows:
        name = row["resource"].removeprefix(_RESOURCE)
        where = f"entry {row['sequence']:,}, {name}"
        if name not in there and not row["kept"]:
            check.notes.append(f"{where}: its build was killed")
        elif (problem := _problem(store, there.get(name), row["details"])) is not None:
            check.problems.append(f"{where}: {problem}")
    return check


def _problem(store: Store, report: StoredReport | None, details: str | None) -> str | None:
    """What of a report is not as it was recorded; None if all is."""
    if report is None:
        return "expected the report, found none"
    if details is None:
        return "expected what was recorded of its files, found it erased"
    if (problem := store.problem(report)) is not None:
        return problem
    statement = store.statement(report)
    found = entry_details(statement.predicate.report, statement.subjects)["files"]
    if found != json.loads(details).get("after", {}).get("files"):
        return "expected the files that were recorded, found others"
    return None


def logged_checkpoints(store: Store) -> dict[str, bytes]:
    """The signed checkpoints that reports have of the log: where each is -> the note."""
    found: dict[str, bytes] = {}
    for report in store.reports():
        statement = _statement(store, report)
        if statement is not None and (logged := statement.predicate.logged) is not None:
            found[f"{store.place(report)}/{MANIFEST}"] = logged.checkpoint.encode()
    return found


def _statement(store: Store, report: StoredReport) -> Statement | None:
    try:
        return store.statement(report)
    except (ChimeraError, FileNotFoundError):
        return None
