"""JSON in the one form in which it is signed and hashed (RFC 8785), for `strict_json` to read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import rfc8785

from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.strict_json import HALF, LARGEST, escaped

#: RFC 8785 writes smaller numbers with all their digits, as if they were integers.
_WITH_EXPONENT = 1e21


def canonical(value: object, name: str = "document") -> bytes:
    """A value as canonical JSON.

    Exact numbers (`Decimal`) become texts, as do integers and whole numbers beyond 2**53 - 1. Times
    are ISO 8601 in UTC.

    Args:
        value: Mappings with texts as names, sequences, and what stands in them.
        name: What it is called in errors, before the place in it.

    Raises:
        EvidenceError: A part of it is nothing that JSON can say.
    """
    return rfc8785.dumps(_plain(value, f"{name}#"))


def digest(value: object, name: str = "document") -> str:
    """The SHA-256 of a value as canonical JSON, in hexadecimal."""
    return sha256(canonical(value, name)).hexdigest()


def _plain(value: object, place: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return {
            _name(key, place): _plain(each, f"{place}/{escaped(key)}")
            for key, each in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return [_plain(each, f"{place}/{number}") for number, each in enumerate(value)]
    if isinstance(value, (bool, int, float, Decimal)):
        return _number(value, place)
    if isinstance(value, str):
        if HALF.search(value):
            raise EvidenceError(place, expected="whole characters", found=repr(value))
        return str(value)
    if isinstance(value, date):
        return _moment(value, place) if isinstance(value, datetime) else value.isoformat()
    if value is None:
        return None
    raise EvidenceError(place, expected="what JSON can say", found=type(value).__name__)


def _number(value: float | Decimal, place: str) -> bool | int | float | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST else str(int(value))
    if not math.isfinite(value):
        raise EvidenceError(place, expected="a finite number", found=value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if LARGEST < abs(value) < _WITH_EXPONENT:
        return str(int(value))
    return float(value)


def _moment(value: datetime, place: str) -> str:
    if value.tzinfo is None:
        raise EvidenceError(place, expected="a time with a zone", found=value.isoformat())
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _name(key: object, place: str) -> str:
    if not isinstance(key, str) or HALF.search(key):
        raise EvidenceError(place, expected="names that are texts", found=repr(key))
    return str(key)
