"""Asking witnesses for their signatures, and being asked (c2sp.org/tlog-witness)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checking import check_consistency
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.encoding import parse_decimal
from chimera_assets.audit.tlog.envelope import (
    encode_envelope,
    parse_envelope,
    parse_field,
    parse_hashes,
)
from chimera_assets.audit.tlog.errors import (
    BadProofError,
    BadSignatureError,
    MalformedError,
    TransparencyError,
)
from chimera_assets.audit.tlog.merkle import EMPTY_ROOT
from chimera_assets.audit.tlog.note import Note, Signature, decode_text, parse_signatures
from chimera_assets.audit.tlog.signing import verify

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chimera_assets.audit.tlog.keys import VerifierKey

_REQUEST, _RESPONSE = "add-checkpoint request", "add-checkpoint response"
_OLD = "old"

#: The `Content-Type` of a conflict's body.
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What a log sends to a witness (tlog-witness, "add-checkpoint").

    Attributes:
        old: The size of the tree that the witness signed last, as far as the sender knows.
        proof: The consistency proof from there; empty if that is 0.
        checkpoint: The log's signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> bytes:
        """The request's body."""
        return encode_envelope([f"{_OLD} {self.old}"], self.proof, self.checkpoint)

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a request's body.

        Raises:
            MalformedError: Where it is not as `encode` would write it; answered by status 400.
        """
        (first, *lines), note = parse_envelope(body, _REQUEST)
        where = f"{_REQUEST}, old size"
        old = parse_decimal(parse_field(first, _OLD, where), where)
        return cls(old, parse_hashes(lines, _REQUEST), note)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a witness answers.

    Attributes:
        status: The status of the response.
        reason: Why not, in one line; empty if it signs.
        cosign: What to sign, once it is kept as the latest; None if the witness does not sign.
        size: Of a conflict, the size of the tree that the witness signed last.
    """

    status: HTTPStatus
    reason: str = ""
    cosign: Checkpoint | None = None
    size: int | None = None


def judge(
    request: AddCheckpoint, seen: Checkpoint | None, verifiers: Collection[VerifierKey]
) -> Verdict:
    """Whether a witness signs a checkpoint (tlog-witness, "add-checkpoint").

    Reading `seen`, this, and keeping what is signed must be one transaction. An origin that the
    witness does not know is answered by 404 before this, a malformed body by 400.

    Args:
        request: The request.
        seen: The latest checkpoint of that origin that the witness signed.
        verifiers: The keys by which that origin signs.
    """
    new = Checkpoint.parse(request.checkpoint.text)
    last = seen or Checkpoint(new.origin, 0, EMPTY_ROOT)
    try:
        verify(request.checkpoint, verifiers)
    except TransparencyError as error:
        return Verdict(HTTPStatus.FORBIDDEN, str(error))
    if request.old > new.size:
        reason = f"{_REQUEST}, old size: expected at most {new.size}, found {request.old}"
        return Verdict(HTTPStatus.BAD_REQUEST, reason)
    if request.old != last.size:
        reason = f"{_REQUEST}, old size: expected {last.size}, found {request.old}"
        return Verdict(HTTPStatus.CONFLICT, reason, size=last.size)
    try:
        check_consistency(last.size, new.size, last.root, new.root, request.proof)
    except BadProofError as error:
        return Verdict(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    return Verdict(HTTPStatus.OK, cosign=new)


def encode_cosignatures(signatures: Iterable[Signature]) -> bytes:
    """The body of a response that signs."""
    return "".join(signature.line() for signature in signatures).encode()


def parse_cosignatures(body: bytes) -> tuple[Signature, ...]:
    """Read the body of a response that signs.

    Raises:
        MalformedError: It is not one or more signature lines.
    """
    return parse_signatures(decode_text(body, _RESPONSE), _RESPONSE)


def encode_size(size: int) -> bytes:
    """The body of a conflict's response."""
    return f"{size}\n".encode()


def parse_size(body: bytes) -> int:
    """Read the body of a conflict's response: the size of the tree that the witness signed last.

    Raises:
        MalformedError: It is no number with a newline.
    """
    text = decode_text(body, _RESPONSE)
    if not text.endswith("\n"):
        raise MalformedError(_RESPONSE, expected="a newline at its end", found=repr(text[-20:]))
    return parse_decimal(text.removesuffix("\n"), f"{_RESPONSE}, size")


def with_cosignatures(
    note: Note, cosignatures: Iterable[Signature], witnesses: Collection[VerifierKey]
) -> Note:
    """The checkpoint with what a witness signed; signatures of unknown keys are left out.

    Args:
        note: The signed checkpoint that was sent.
        cosignatures: What came back.
        witnesses: The keys of the witness that was asked.

    Raises:
        BadSignatureError: No known key signed, one of their signatures is bad, or says no time.
    """
    ids = {(key.name, key.key_id) for key in witnesses}
    known = tuple(each for each in cosignatures if (each.name, each.key_id) in ids)
    if not all(each.timestamp for each in verify(Note(note.text, known), witnesses)):
        raise BadSignatureError(_RESPONSE, expected="signatures with a time", found="none")
    return replace(note, signatures=(*note.signatures, *known))
