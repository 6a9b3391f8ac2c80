"""Numbers, base64 and hashes as text, each in the one form that the standards allow."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from chimera_assets.audit.tlog.errors import MalformedError

#: Bytes of a SHA-256.
HASH_BYTES = 32

#: One more than the largest size of a tree; others keep sizes in signed numbers of 64 bits.
SIZE_LIMIT = 1 << 63

#: Control characters, and halves of characters, which UTF-8 does not have.
_IN_NO_LINE = re.compile(r"[\x00-\x1f\ud800-\udfff]")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def fits_a_line(text: str) -> bool:
    """Whether a note can have the text in a line: not empty, no control characters, all UTF-8."""
    return bool(text) and _IN_NO_LINE.search(text) is None


def parse_decimal(text: str, where: str) -> int:
    """A number below 2**63 in ASCII digits without leading zeros (tlog-checkpoint, "Note text").

    Raises:
        MalformedError: It is written otherwise.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) >= SIZE_LIMIT:
        expected = "a decimal number below 2**63 without leading zeros"
        raise MalformedError(where, expected=expected, found=repr(text))
    return int(text)


def to_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def parse_base64(text: str, where: str) -> bytes:
    """What standard base64 says, in the one form that says it (RFC 4648, sections 3.5 and 4).

    Raises:
        MalformedError: Other characters, padding that lacks or is too much, bits that say nothing.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = None
    if data is None or to_base64(data) != text:
        raise MalformedError(where, expected="canonical standard base64", found=repr(text))
    return data


def parse_hash(text: str, where: str) -> bytes:
    """A SHA-256 in base64.

    Raises:
        MalformedError: It is no canonical base64, or not of 32 bytes.
    """
    data = parse_base64(text, where)
    if len(data) != HASH_BYTES:
        raise MalformedError(where, expected="a hash of 32 bytes", found=f"{len(data)} bytes")
    return data
