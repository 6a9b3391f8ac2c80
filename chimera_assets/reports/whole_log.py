"""The audit log verified with all that is known here: what this machine signed, and the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.findings import CHECKS
from chimera_assets.audit.policy_file import read_policy
from chimera_assets.audit.remembered import place, remembered
from chimera_assets.audit.verify import verify_log
from chimera_assets.audit.vouchers import Vouchers
from chimera_assets.reports.recorded import check_reports, logged_checkpoints
from chimera_assets.reports.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chimera_assets.audit.findings import Check
    from chimera_assets.audit.log import AuditLog
    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.lake import Lake
    from chimera_assets.settings import Settings


def verify_whole_log(  # noqa: PLR0913 - what is verified, and whom to trust for it
    audit: AuditLog,
    lake: Lake,
    settings: Settings,
    keys: SigningKeys | None,
    *,
    trusted: Collection[VerifierKey] = (),
    seen: Mapping[str, bytes] | None = None,
    vouchers: Vouchers | None = None,
    contents: bool = False,
) -> list[Check]:
    """Verify the log, and that the reports on its record are there; see `verify_log`.

    Args:
        audit: The log.
        lake: The lake.
        settings: Where what this machine signed last is kept, and whose witness is asked for.
        keys: The keys that sign now, if they can be had.
        trusted: The public keys that are trusted; none for those that the log knows as its own.
        seen: Checkpoints that were kept elsewhere, beside those that are here.
        vouchers: Whose word is trusted beside that of the log; None for those of the settings.
        contents: Whether every data file is read, too.

    Returns:
        One of each of `audit.findings.CHECKS`, in their order.

    Raises:
        ChimeraError: As of `verify_log`; or the policy of the settings cannot be read.
    """
    store, note = Store(lake), remembered(settings)
    known = {str(place(settings)): note.encode()} if note is not None else {}
    known |= logged_checkpoints(store)
    others = vouchers or Vouchers()
    if others.policy is None and settings.witness_policy is not None:
        policy = read_policy(settings.witness_policy, "CHIMERA_WITNESS_POLICY")
        others = Vouchers(policy, others.tsa_roots)
    found = verify_log(
        audit,
        lake,
        keys,
        trusted=trusted,
        seen={**known, **(seen or {})},
        vouchers=others,
        contents=contents,
    )
    found.append(check_reports(audit.database, store))
    return sorted(found, key=lambda check: list(CHECKS).index(check.name))
