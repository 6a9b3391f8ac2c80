"""As much of DER as it takes to put the certificates of a timestamp in their order.

They are a SET OF, which DER sorts (X.690, section 11.6), and rfc3161-client asks for that; OpenSSL
and the authorities that use it write them as they come. Nothing that is signed speaks of the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: An identifier of context, constructed, number 0.
_CONTEXT_0 = 0xA0
#: Lengths from here on say of how many bytes they are.
_LONG = 0x80


@dataclass(frozen=True, slots=True)
class _Value:
    """A value: where it starts with its tag, where its content begins, where that ends."""

    tag: int
    start: int
    begin: int
    end: int


def with_sorted_certificates(response: bytes) -> bytes:
    """A `TimeStampResp` (RFC 3161, section 2.4.2) whose certificates are in the order of DER.

    Args:
        response: The response; one without a token is given back as it is.

    Raises:
        ValueError: It is no such thing.
        IndexError: It ends before it should.
    """
    _status, *token = _within(response, _at(response, 0))
    if not token:
        return response
    _, explicit = _within(response, token[0])  # ContentInfo
    (signed,) = _within(response, explicit)
    for field in _within(response, signed):
        if field.tag == _CONTEXT_0:
            found = sorted(response[one.start : one.end] for one in _within(response, field))
            return response[: field.begin] + b"".join(found) + response[field.end :]
    return response


def _within(data: bytes, outer: _Value) -> Iterator[_Value]:
    """The values that one is made of."""
    at = outer.begin
    while at < outer.end:
        inner = _at(data, at)
        if inner.end > outer.end:
            msg = f"expected a value of at most {outer.end - at} bytes, found more"
            raise ValueError(msg)
        yield inner
        at = inner.end


def _at(data: bytes, start: int) -> _Value:
    length, begin = data[start + 1], start + 2
    if length >= _LONG:
        begin += length - _LONG
        length = int.from_bytes(data[start + 2 : begin], "big")
    return _Value(data[start], start, begin, begin + length)
