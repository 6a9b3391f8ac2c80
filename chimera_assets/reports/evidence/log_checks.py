"""Whether the audit log has the report's entry, and who vouches for the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog import signing
from chimera_assets.audit.tlog.checking import check_inclusion
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.merkle import leaf_hash
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.proof import Proof
from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.json_parts import mapping_of
from chimera_assets.reports.evidence.log_entry import read_entry
from chimera_assets.reports.evidence.statement import ACTION, AFTER_THE_ENTRY, entry_details
from chimera_assets.reports.evidence.strict_json import loads

if TYPE_CHECKING:
    from typing import TypeAlias

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.reports.evidence.bundle_files import BundleFiles
    from chimera_assets.reports.evidence.checks import Checks
    from chimera_assets.reports.evidence.predicate import Logged, Timestamp
    from chimera_assets.reports.evidence.statement import Statement

#: Looks at a timestamp's token and the bytes that it is to be of, and says when and by whom it was
#: made; raises a `ChimeraError` if it is none of a trusted authority.
CheckToken: TypeAlias = Callable[[bytes, bytes], str]

_ENTRY, _CHECKPOINT, _INCLUSION, _WITNESSES = (
    "log entry",
    "log checkpoint",
    "log inclusion",
    "log witnesses",
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts, by public keys.

    Attributes:
        signers: Of manifests.
        logs: Of audit logs; without any, nothing is said of who signed the log.
        witnesses: Of those who watch logs.
        quorum: How many witnesses have to have signed.
        check_token: Looks at timestamps; None leaves that to other tools.
    """

    signers: tuple[VerifierKey, ...]
    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0
    check_token: CheckToken | None = None


def check_log(statement: Statement, trust: Trust, checks: Checks) -> None:
    """Check the entry, that the log has it, and the log's signature."""
    logged = statement.predicate.logged
    if logged is None:
        for name in (_ENTRY, _INCLUSION, _CHECKPOINT):
            checks.skip(name, "the report was made without a signed audit log")
        return
    number = checks.check(
        _ENTRY, partial(_check_entry, statement, logged), found="it is of this report's files"
    )
    checks.check(
        _INCLUSION,
        partial(_check_inclusion, logged, number),
        found=lambda log: f"in the log {log.origin} of {log.size:,} entries",
    )
    if trust.logs:
        checks.check(
            _CHECKPOINT, partial(_check_signed, logged, trust), found="signed by {}".format
        )
    else:
        checks.skip(_CHECKPOINT, "no key of an audit log is trusted")
    if trust.witnesses or trust.quorum:
        look = partial(_check_witnesses, logged, trust)
        checks.check(_WITNESSES, look, found="signed by {}".format)


def check_timestamps(
    files: BundleFiles, statement: Statement, trust: Trust, checks: Checks
) -> None:
    """Check that each token is the one that the manifest names, and what it says if we can."""
    logged, timestamps = statement.predicate.logged, statement.predicate.timestamps
    for each in timestamps:
        name = f"timestamp {each.file}"
        token = checks.check(
            f"{name}, hash", partial(_token, files, each), found=f"that of {each.authority}"
        )
        if token is None or trust.check_token is None or logged is None:
            checks.skip(name, "left to other tools; docs/evidence-format.md says how")
        else:
            look = partial(trust.check_token, token, logged.checkpoint.encode())
            checks.check(name, look, found="{}".format)
    named = {each.file for each in timestamps}
    for subject in statement.subjects:
        if subject.name.startswith(AFTER_THE_ENTRY) and subject.name not in named:
            expected = "none there but those of timestamps"
            error = EvidenceError(subject.name, expected=expected, found="this file")
            checks.fail(f"timestamp {subject.name}", error)


def _token(files: BundleFiles, timestamp: Timestamp) -> bytes:
    name = timestamp.file
    if not name.startswith(AFTER_THE_ENTRY):
        raise EvidenceError(
            name, expected=f"a file of the folder {AFTER_THE_ENTRY}", found="another"
        )
    token = files.read(name)
    if (found := sha256(token).hexdigest()) != timestamp.sha256:
        raise EvidenceError(name, expected=f"SHA-256 {timestamp.sha256}", found=found)
    return token


def _check_entry(statement: Statement, logged: Logged) -> int:
    """Check that the entry speaks of this report and these files; gives its number in the log."""
    entry = read_entry(logged.entry)
    found = sha256(logged.salt + logged.details.encode()).hexdigest()
    if not compare_digest(found, entry.commitment):
        where = f"{_ENTRY}#/commitment"
        raise EvidenceError(where, expected=f"that of the details, {found}", found=entry.commitment)
    if entry.action != ACTION:
        where = f"{_ENTRY}#/action"
        raise EvidenceError(where, expected=ACTION, found=entry.action)
    details = mapping_of(loads(logged.details.encode(), "details"), "details#")
    said = mapping_of(details.get("after"), "details#/after")
    for name, expected in entry_details(statement.predicate.report, statement.subjects).items():
        if canonical(said.get(name)) != canonical(expected):  # to Python true is 1
            where = f"details#/after/{name}"
            raise EvidenceError(where, expected=expected, found=said.get(name))
    return entry.sequence


def _check_inclusion(logged: Logged, number: int | None) -> Checkpoint:
    proof = Proof.parse(logged.proof.encode())
    if proof.checkpoint.encode() != logged.checkpoint.encode():
        where = f"{_INCLUSION}, checkpoint"
        raise EvidenceError(where, expected="that of the manifest", found="another")
    if number is not None and proof.index != number:
        where = f"{_INCLUSION}, index"
        raise EvidenceError(where, expected=f"{number:,}", found=f"{proof.index:,}")
    checkpoint = Checkpoint.parse(proof.checkpoint.text)
    leaf = leaf_hash(logged.entry.encode())
    check_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    return checkpoint


def _check_signed(logged: Logged, trust: Trust) -> str:
    note = Note.parse(logged.checkpoint.encode())
    origin = Checkpoint.parse(note.text).origin
    keys = [key for key in trust.logs if key.name == origin]
    if not keys:
        names = ", ".join(sorted({key.name for key in trust.logs}))
        where = f"{_CHECKPOINT}, origin"
        raise EvidenceError(where, expected=f"a trusted log ({names})", found=origin)
    return ", ".join(one.key.name for one in signing.verify(note, keys))


def _check_witnesses(logged: Logged, trust: Trust) -> str:
    note = Note.parse(logged.checkpoint.encode())
    names = sorted({one.key.name for one in signing.verify(note, trust.witnesses)})
    if len(names) < trust.quorum:
        expected = f"signatures by {trust.quorum} of the trusted witnesses"
        raise EvidenceError(_WITNESSES, expected=expected, found=", ".join(names))
    return ", ".join(names)
