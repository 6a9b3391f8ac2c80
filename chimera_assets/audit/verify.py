"""The whole verification of the audit log: entries, signatures, files beside the lake, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.commits import record_commits
from chimera_assets.audit.contents import CONTENTS, NOT_ASKED, check_contents
from chimera_assets.audit.findings import CHECKS, Check
from chimera_assets.audit.guards import MADE, guard_differences
from chimera_assets.audit.known_keys import log_keys
from chimera_assets.audit.publishing import FOLDER
from chimera_assets.audit.table_verification import check_actors, check_tables
from chimera_assets.audit.verification import (
    check_checkpoints,
    check_details,
    check_entries,
    check_files,
    check_seen,
    read_log,
)
from chimera_assets.audit.vouchers import Vouchers, check_timestamps, check_witnesses
from chimera_assets.errors import ChimeraError
from chimera_assets.lake.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chimera_assets.audit.log import AuditLog
    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.lake import Lake


def verify_log(  # noqa: PLR0913 - what is verified, and whom to trust for it
    audit: AuditLog,
    lake: Lake,
    keys: SigningKeys | None,
    *,
    trusted: Collection[VerifierKey] = (),
    seen: Mapping[str, bytes] | None = None,
    vouchers: Vouchers | None = None,
    contents: bool = False,
) -> list[Check]:
    """Verify the log; what is sound is verified whatever else is not.

    Commits that have no entry yet get theirs first. Nothing is signed and nothing put beside the
    lake, so that what somebody has taken away there is missed.

    Args:
        audit: The log.
        lake: The lake.
        keys: The keys that sign now, if they can be had.
        trusted: The public keys that are trusted; none for those that the log knows as its own.
        seen: Checkpoints that were kept elsewhere: where from -> the signed note.
        vouchers: Whose word is trusted beside that of the log.
        contents: Whether every data file is read, too.

    Returns:
        One of each of `findings.CHECKS`, in their order.

    Raises:
        DatabaseError: The platform's database cannot be reached.
        LakeError: What is beside the lake cannot be read.
        StorageUnavailable: The storage cannot be reached.
    """
    store, failure, others = Objects(lake, FOLDER), None, vouchers or Vouchers()
    try:
        record_commits(audit, lake)
    except ChimeraError as error:
        failure = error
    with audit.database.transaction() as session:
        known = list(trusted) or log_keys(session, store, keys)
        log = read_log(session, store)
        tables = check_tables(session, lake)
        found = [
            check_entries(session),
            check_details(session),
            check_checkpoints(session, log, known),
            check_files(session, log, store, known),
            check_seen(log, seen or {}, known),
            check_witnesses(log, lake, known, others.policy),
            check_timestamps(log, lake, known, others.tsa_roots),
            Check("guards", len(MADE), guard_differences(session)),
            tables,
            check_contents(session, lake) if contents else Check(CONTENTS, None, notes=[NOT_ASKED]),
            check_actors(session),
        ]
    if failure is not None:
        tables.problems.append(f"commits without entries: {failure}")
    order = list(CHECKS)
    return sorted(found, key=lambda check: order.index(check.name))
