"""Timestamps of checkpoints by an authority (RFC 3161): what is asked, and whether it was answered.

What is stamped is the text of the signed checkpoint, which anybody can make of the log's entries.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from chimera_assets.audit.der import with_sorted_certificates
from chimera_assets.audit.tlog.errors import TransparencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

_T = TypeVar("_T")

#: The types of request and response over HTTP (section 3.4).
REQUEST_TYPE, RESPONSE_TYPE = "application/timestamp-query", "application/timestamp-reply"

#: A `TimeStampReq` in DER, up to the hash: version 1, a `MessageImprint` by SHA-256.
_BEGIN = bytes.fromhex("30430201013031300d060960864801650304020105000420")
#: Before the nonce, an INTEGER of 8 bytes; after it `certReq`, which is true.
_NONCE, _END = bytes.fromhex("0208"), bytes.fromhex("0101ff")
_HASH_BYTES, _NONCE_BYTES = 32, 8
_SHA256 = "2.16.840.1.101.3.4.2.1"
_GRANTED = 0

_REQUEST, _RESPONSE = "timestamp request", "timestamp"


class BadTimestampError(TransparencyError):
    """A timestamp is not of what was asked, or nobody who is trusted has made it."""


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """What an authority is asked to stamp (section 2.4.1).

    Attributes:
        digest: The SHA-256 of the text.
        nonce: A number that the answer has to repeat, of 8 bytes.
    """

    digest: bytes
    nonce: int

    @classmethod
    def of_text(cls, text: str) -> TimestampRequest:
        """A new request.

        Args:
            text: The text of a signed checkpoint.
        """
        # Positive and without a zero in front, so that it always has its 8 bytes.
        return cls(sha256(text.encode()).digest(), secrets.randbits(62) | 1 << 62)

    def encode(self) -> bytes:
        """The request in DER."""
        nonce = self.nonce.to_bytes(_NONCE_BYTES, "big")
        return _BEGIN + self.digest + _NONCE + nonce + _END

    @classmethod
    def parse(cls, data: bytes) -> TimestampRequest:
        """Read a request as `encode` writes it, in no other form.

        Raises:
            BadTimestampError: It is another.
        """
        at = len(_BEGIN) + _HASH_BYTES
        begin = at + len(_NONCE)
        nonce = int.from_bytes(data[begin : begin + _NONCE_BYTES], "big")
        found = cls(data[len(_BEGIN) : at], nonce)
        if found.encode() != data:
            raise BadTimestampError(_REQUEST, expected="one that we have made", found="another")
        return found


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An authority's answer, as far as it says so itself.

    Attributes:
        at: The time.
        nonce: What it repeats of the request; None if it repeats none.
        digest: What it is of.
        data: All of it.
    """

    at: datetime
    nonce: int | None
    digest: bytes
    data: bytes

    @classmethod
    def parse(cls, data: bytes) -> Timestamp:
        """Read an answer (section 2.4.2).

        Raises:
            BadTimestampError: It is none, the authority has refused, or it is of another hash.
        """
        answer = _guarded(lambda: _decoded(data))
        if answer.status != _GRANTED:
            found = f"status {answer.status}"
            raise BadTimestampError(_RESPONSE, expected="one that is granted", found=found)
        info = _guarded(lambda: answer.tst_info)
        imprint = info.message_imprint
        algorithm = _guarded(lambda: imprint.hash_algorithm.dotted_string)
        if algorithm != _SHA256:
            raise BadTimestampError(_RESPONSE, expected="one of a SHA-256", found=algorithm)
        return cls(_guarded(lambda: _utc(info.gen_time)), info.nonce, imprint.message, data)

    def check(self, request: TimestampRequest) -> None:
        """See that it answers a request.

        Raises:
            BadTimestampError: It answers another, or is of another text.
        """
        if self.digest != request.digest:
            expected, found = f"one of {request.digest.hex()}", f"{self.digest.hex()}"
            raise BadTimestampError(_RESPONSE, expected=expected, found=found)
        if self.nonce != request.nonce:
            expected = f"nonce {request.nonce:x}, as it was asked"
            found = f"{self.nonce:x}" if self.nonce is not None else "none"
            raise BadTimestampError(_RESPONSE, expected=expected, found=found)

    def check_chain(self, roots: Sequence[Certificate]) -> None:
        """See that an authority has signed it whose certificate, valid at that time, is of a root.

        Args:
            roots: The certificates that are trusted, at least one.

        Raises:
            BadTimestampError: None has.
        """
        from rfc3161_client import VerifierBuilder  # noqa: PLC0415 - for few

        problem: Exception | None = None
        for root in roots:  # alone, as one may have the name of another
            verifier = VerifierBuilder(roots=[root]).build()
            try:
                verifier.verify(_decoded(self.data), self.digest)
            except Exception as error:  # noqa: BLE001 - as of `_guarded`
                problem = error
            else:
                return
        expected = "a signature by an authority of the trusted roots, valid at its time"
        raise BadTimestampError(_RESPONSE, expected=expected, found=problem)


def _decoded(data: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 - for few

    return decode_timestamp_response(with_sorted_certificates(data))


def _guarded(read: Callable[[], _T]) -> _T:
    """What a parser finds in what anybody may have sent.

    Raises:
        BadTimestampError: Whatever else it raises.
    """
    try:
        return read()
    except Exception:  # noqa: BLE001 - they do not say what they raise
        expected = "an answer of a timestamp authority"
        raise BadTimestampError(_RESPONSE, expected=expected, found="another file") from None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
