"""Proofs that go with what they prove: files `.tlog-proof` (c2sp.org/tlog-proof)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog import signing
from chimera_assets.audit.tlog.checking import check_inclusion
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.encoding import parse_base64, parse_decimal, to_base64
from chimera_assets.audit.tlog.envelope import (
    encode_envelope,
    parse_envelope,
    parse_field,
    parse_hashes,
)
from chimera_assets.audit.tlog.errors import BadSignatureError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.audit.tlog.note import Note

_WHERE = "tlog-proof"
_FIRST = "c2sp.org/tlog-proof@v1"
_EXTRA, _INDEX = "extra", "index"


@dataclass(frozen=True, slots=True)
class Proof:
    """That a log has an entry (tlog-proof, "Format").

    Attributes:
        index: The entry's number in the log, from 0.
        path: The inclusion proof, from the leaf's sibling up.
        checkpoint: The log's signed checkpoint, with what witnesses signed.
        extra: What the application adds; nothing vouches for it.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    def encode(self) -> bytes:
        """The proof as it is stored and sent."""
        extra = [f"{_EXTRA} {to_base64(self.extra)}"] if self.extra else []
        lines = [_FIRST, *extra, f"{_INDEX} {self.index}"]
        return encode_envelope(lines, self.path, self.checkpoint)

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Read a proof.

        Raises:
            MalformedError: Where it is not as `encode` would write it.
        """
        (first, *lines), note = parse_envelope(data, _WHERE)
        if first != _FIRST:
            where = f"{_WHERE}, line 1"
            raise MalformedError(where, expected=_FIRST, found=repr(first))
        extra = b""
        if lines and lines[0].startswith(f"{_EXTRA} "):
            extra = _parse_extra(lines.pop(0))
        where = f"{_WHERE}, index"
        index = parse_decimal(parse_field(lines.pop(0) if lines else "", _INDEX, where), where)
        return cls(index, parse_hashes(lines, _WHERE), note, extra)


@dataclass(frozen=True, slots=True)
class Proven:
    """What a good proof shows.

    Attributes:
        checkpoint: The tree that has the entry.
        log: The log's keys that signed it, one or more.
        witnesses: The witnesses' keys that signed it, each with its time.
    """

    checkpoint: Checkpoint
    log: tuple[signing.Verified, ...]
    witnesses: tuple[signing.Verified, ...]


def verify(
    proof: Proof,
    leaf: bytes,
    verifiers: Collection[VerifierKey],
    witnesses: Collection[VerifierKey] = (),
    quorum: int = 0,
) -> Proven:
    """Verify a proof (tlog-proof, "Verifying a tlog proof").

    Args:
        proof: The proof.
        leaf: The hash of the entry that it is to prove, made from the entry by the caller.
        verifiers: The keys of the logs that are trusted. A log's keys have its origin as name.
        witnesses: The keys of the witnesses that are trusted.
        quorum: How many witnesses have to have signed; one with several keys counts once.

    Raises:
        BadSignatureError: No trusted log or too few witnesses signed, or a signature is bad.
        BadProofError: The entry is not in the tree at that index.
    """
    checkpoint = Checkpoint.parse(proof.checkpoint.text)
    of_log = [key for key in verifiers if key.name == checkpoint.origin]
    if not of_log:
        names = ", ".join(sorted({key.name for key in verifiers})) or "nobody"
        expected, found = f"a trusted log ({names})", repr(checkpoint.origin)
        where = f"{_WHERE}, origin"
        raise BadSignatureError(where, expected=expected, found=found)
    signed = signing.verify(proof.checkpoint, [*of_log, *witnesses])
    by_log = tuple(each for each in signed if each.key in of_log)
    by_witnesses = tuple(each for each in signed if each.key in witnesses)
    if not by_log:
        expected = f"a signature by {checkpoint.origin}"
        raise BadSignatureError(_WHERE, expected=expected, found="those of others")
    names_found = {each.key.name for each in by_witnesses}
    if len(names_found) < quorum:
        expected = f"signatures by {quorum} of the trusted witnesses"
        raise BadSignatureError(_WHERE, expected=expected, found=len(names_found))
    check_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    return Proven(checkpoint, by_log, by_witnesses)


def _parse_extra(line: str) -> bytes:
    where = f"{_WHERE}, extra"
    extra = parse_base64(parse_field(line, _EXTRA, where), where)
    if not extra:
        raise MalformedError(where, expected="no such line without data", found=repr(line))
    return extra
