"""`chimera audit verify`, `publish` and `keys`: whether the log is whole, and who signs it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.audit.catch_up import CaughtUp, catch_up
from chimera_assets.audit.findings import CHECKS
from chimera_assets.audit.log import AuditLog
from chimera_assets.audit.proofs import verify_entry, verify_exported
from chimera_assets.audit.publishing import FOLDER
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.audit.third_parties import NotVouched
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.vouchers import Vouchers
from chimera_assets.commands.audit import print_weaknesses
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.errors import ArgumentError, ChimeraError
from chimera_assets.lake import open_lake
from chimera_assets.lake.objects import Objects
from chimera_assets.paths import regular_text
from chimera_assets.postgres.databases import platform_database
from chimera_assets.reports.whole_log import verify_whole_log
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chimera_assets.audit.findings import Check
    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.commands.audit_trust import Trust

#: What is told of an entry that a proof is of.
_TOLD = ("where", "entry", "time", "action", "resource")
#: The largest file of proofs that is read.
_MOST_BYTES = 1_000_000_000


def caught_up(*, again: bool = False) -> CaughtUp:
    """Bring the log up to date with the lake, and what others see of it.

    Whoever did not vouch for it is named, and asked again next time.

    Raises:
        ChimeraError: The first thing that could not be done.
    """
    settings = get_settings()
    log = AuditLog(platform_database(settings))
    done = catch_up(log, open_lake(), settings, Principal.of_command(), again=again)
    for failure in done.failures:
        if not isinstance(failure, NotVouched):
            raise failure
        notes().print(str(failure), markup=False, soft_wrap=True)
    return done


def publish(*, again: bool) -> int:
    """Sign the log, and put it beside the lake."""
    done = caught_up(again=again)
    if done.published is None:
        out().print("The audit log has no entries.")
        return 0
    checkpoint = done.published.checkpoint
    where, size = Objects(open_lake(), FOLDER).uri, f"{checkpoint.size:,} entries"
    out().print(f"{where}: {size} of {checkpoint.origin}, signed.", markup=False)
    return 0


def verify(*, seen: Sequence[Path], trust: Trust, contents: bool, as_json: bool) -> int:
    """Verify the log; 1 if something does not hold."""
    settings = get_settings()
    found = verify_whole_log(
        AuditLog(platform_database(settings)),
        open_lake(),
        settings,
        _keys_now(),
        trusted=trust.keys,
        seen={str(path): _bytes_of(path) for path in seen},
        vouchers=Vouchers(trust.policy, trust.tsa_roots),
        contents=contents,
    )
    if as_json:
        print_json([{**asdict(check), "status": check.status} for check in found])
    else:
        _print(found)
    print_weaknesses(settings)
    return 1 if any(check.problems for check in found) else 0


def _print(found: Sequence[Check]) -> None:
    print_table(
        ("check", "what it says", "checked", "status"),
        (
            (check.name, CHECKS[check.name], check.checked, ", ".join([check.status, *check.notes]))
            for check in found
        ),
    )
    for check in found:
        for problem in check.problems:
            out().print(f"{check.name}: {problem}", markup=False, soft_wrap=True)
    broken = sum(len(check.problems) for check in found)
    out().print(
        f"{broken:,} broken."
        if broken
        else "Nothing was changed unseen. `chimera verify` recounts what the data files say."
    )


def verify_proofs(proofs: Sequence[Path], trust: Trust, *, as_json: bool) -> int:
    """Verify files that `prove` or `export` wrote, by the keys that were given."""
    if not trust.keys:
        msg = "--key: expected the public key of the log, as `chimera audit keys` prints it"
        raise ArgumentError(msg)
    told: list[dict[str, object]] = []
    for path in proofs:
        data = _bytes_of(path)
        exported = data.startswith(b"{")
        lines = data.splitlines() if exported else [data]
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}" if exported else str(path)
            told.append(_told(where, line, trust, exported=exported))
    if as_json:
        print_json(told)
    else:
        print_table(
            (*_TOLD, "verified"),
            ((*(one.get(name) for name in _TOLD), one["problem"] or "yes") for one in told),
        )
    return 0 if told and all(one["verified"] for one in told) else 1


def _told(where: str, data: bytes, trust: Trust, *, exported: bool) -> dict[str, object]:
    try:
        if exported:
            entry, proven = verify_exported(data, trust.keys, trust.policy)
        else:
            entry, proven = verify_entry(data, trust.keys, trust.policy)
    except TransparencyError as error:
        return {"where": where, "verified": False, "problem": str(error)}
    return {
        "where": where,
        "verified": True,
        "entry": entry["sequence"],
        "time": entry["time"],
        "action": entry["action"],
        "resource": entry["resource"],
        "tree_size": proven.checkpoint.size,
        "log": proven.checkpoint.origin,
        "witnesses": {one.key.name: one.timestamp for one in proven.witnesses},
        "problem": None,
    }


def _keys_now() -> SigningKeys | None:
    try:
        return load_keys(get_settings())
    except ChimeraError as error:
        notes().print(str(error), markup=False, soft_wrap=True)
        return None


def _bytes_of(path: Path) -> bytes:
    try:
        return regular_text(path, _MOST_BYTES).encode()
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "no text"
        msg = f"{path}: expected a proof or checkpoint, found {found}"
        raise ArgumentError(msg) from None
