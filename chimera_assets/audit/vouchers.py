"""Whether others vouch for the log: witnesses by their signatures, authorities by the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from chimera_assets.audit.findings import Check
from chimera_assets.audit.publishing import FOLDER, stored_checkpoint
from chimera_assets.audit.rfc3161 import BadTimestampError, Timestamp, TimestampRequest
from chimera_assets.audit.timestamps import REQUEST, RESPONSE, TIMESTAMPS, sizes
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.merkle import root
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.witnesses import COSIGNED, signers
from chimera_assets.lake.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cryptography.x509 import Certificate

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.audit.tlog.policy import Policy
    from chimera_assets.audit.verification import Log
    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class Vouchers:
    """Whose word whoever verifies trusts, beside that of the log.

    Attributes:
        policy: Which witnesses, and how many of them have to have signed; None if nobody said.
        tsa_roots: The root certificates of timestamp authorities.
    """

    policy: Policy | None = None
    tsa_roots: tuple[Certificate, ...] = ()


def check_witnesses(
    log: Log, lake: Lake, keys: Collection[VerifierKey], policy: Policy | None
) -> Check:
    """Whether all that witnesses signed is of this log, and enough of them signed the newest.

    Args:
        log: The log.
        lake: The lake.
        keys: The log's keys.
        policy: Who the witnesses are; without one, whose signatures there are is not evaluated.
    """
    store = Objects(lake, f"{FOLDER}/{COSIGNED}")
    names = store.sizes()
    check = Check("witnesses", len(names) if policy is not None and names else None)
    witnesses = [one.key for one in policy.witnesses] if policy is not None else []
    for name in sorted(names, key=lambda one: one.zfill(20)):
        if (problem := _cosigned_problem(store.read(name), name, log, keys, witnesses)) is not None:
            check.problems.append(f"{store.uri}/{name}: {problem}")
    if policy is not None:
        _check_quorum(check, Objects(lake, FOLDER), policy)
        if not names:
            check.notes.append("no witness has signed yet")
    elif names:
        check.notes.append(f"{len(names):,} cosigned; --policy says by whom they should be")
    else:
        check.notes.append("no policy says which witnesses have to sign")
    return check


def check_timestamps(
    log: Log, lake: Lake, keys: Collection[VerifierKey], roots: Sequence[Certificate]
) -> Check:
    """Whether every timestamp is of a checkpoint of this log, and by whom it was asked to be.

    Args:
        log: The log.
        lake: The lake.
        keys: The log's keys.
        roots: Whom to trust; without any, who made them is not evaluated.
    """
    store = Objects(lake, f"{FOLDER}/{TIMESTAMPS}")
    stamped = sizes(store.sizes(), RESPONSE)
    check, times = Check("timestamps", len(stamped) or None), dict[int, datetime]()
    for size in stamped:
        where = f"{store.uri}/{size}{RESPONSE}"
        try:
            times[size] = _stamped(store, size, log, keys, roots)
        except FileNotFoundError as error:
            check.problems.append(f"{where}: expected its request beside it, found no {error}")
        except BadTimestampError as error:
            check.problems.append(f"{where}: {error}")
    for which, of in (("first", min), ("newest", max)):
        if times:
            check.notes.append(f"{which}: {of(times):,} entries at {_shown(times[of(times)])}")
    if not stamped and roots:
        check.problems.append(f"{store.uri}: expected timestamps, found none")
    elif not stamped:
        check.notes.append("nothing was stamped yet")
    elif not roots:
        check.notes.append("who made them is not evaluated without --tsa-root")
    return check


def _cosigned_problem(
    data: bytes,
    name: str,
    log: Log,
    keys: Collection[VerifierKey],
    witnesses: Collection[VerifierKey],
) -> str | None:
    """What is wrong with a note that witnesses signed; None if nothing is."""
    try:
        note = Note.parse(data)
        found = Checkpoint.parse(note.text)
        for signature in note.signatures:
            for key in witnesses:
                if (key.name, key.key_id) == (signature.name, signature.key_id):
                    key.check(note.text, signature.value)
    except TransparencyError as error:
        return str(error)
    if found.origin not in {key.name for key in keys} or str(found.size) != name:
        return f"expected this log's checkpoint of {name} entries, found another one"
    return log.differs(found)


def _check_quorum(check: Check, store: Objects, policy: Policy) -> None:
    """See that enough have signed the newest checkpoint; say who, and when."""
    keys = [one.key for one in policy.witnesses]
    try:
        note = Note.parse(stored_checkpoint(store) or b"")
        signed, size = signers(note, keys), Checkpoint.parse(note.text).size
    except TransparencyError as error:
        check.problems.append(f"newest checkpoint: {error}")
        return
    if (lack := policy.lack(signed)) is not None:
        check.problems.append(
            f"newest checkpoint, of {size:,} entries: expected {lack[0]}, found {lack[1]}; "
            "`chimera audit publish` asks the others again, and says why they do not sign"
        )
    if signed:
        times = {key.name: _shown(datetime.fromtimestamp(at, UTC)) for key, at in signed.items()}
        names = ", ".join(f"{name} at {at}" for name, at in sorted(times.items()))
        check.notes.append(f"newest: {size:,} entries by {names}")


def _stamped(
    store: Objects,
    size: int,
    log: Log,
    keys: Collection[VerifierKey],
    roots: Sequence[Certificate],
) -> datetime:
    """When a checkpoint of this log was stamped.

    Raises:
        BadTimestampError: It was not.
        FileNotFoundError: The request is gone.
    """
    answer = Timestamp.parse(store.read(f"{size}{RESPONSE}"))
    request = TimestampRequest.parse(store.read(f"{size}{REQUEST}"))
    answer.check(request)
    if request.digest not in _digests(size, log, keys):
        expected = f"one of this log's first {size:,} entries"
        found = "one of another checkpoint: edited, forked or rolled back"
        raise BadTimestampError("timestamp", expected=expected, found=found)
    if roots:
        answer.check_chain(roots)
    return answer.at


def _digests(size: int, log: Log, keys: Collection[VerifierKey]) -> set[bytes]:
    """What a checkpoint of the log's first entries hashes to, by each name that its keys have."""
    if size > log.size:
        return set()
    top = root(size, log.hashes)
    texts = (Checkpoint(name, size, top).text for name in {key.name for key in keys})
    return {sha256(text.encode()).digest() for text in texts}


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
