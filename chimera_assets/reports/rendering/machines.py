"""Values for machines: one text for each, in CSV and JSON alike.

Times are ISO 8601 in UTC, money a decimal text with all its digits, whole numbers that a double
cannot hold are texts, and a float that is no number says which (JSON has none).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from chimera_assets.reports.document import DocumentError

if TYPE_CHECKING:
    from chimera_assets.reports.document import Value

#: What JSON has for a value.
Scalar: TypeAlias = str | int | float | bool | None

#: Whole numbers until here are exact in every reader of JSON (RFC 8785, I-JSON).
EXACT = 2**53 - 1


def scalar(value: Value) -> Scalar:
    """The value as JSON has it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, float):
        return value if isfinite(value) else text(value)
    return text(value)


def text(value: Value) -> str:
    """The value as CSV has it, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value).replace("nan", "NaN").replace("inf", "Infinity")
    if isinstance(value, datetime):
        return utc(value).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def utc(time: datetime) -> datetime:
    """The time in UTC.

    Raises:
        DocumentError: It has no zone, so that nobody knows when it was.
    """
    if time.tzinfo is None:
        where = "a value"
        raise DocumentError(where, expected="a time with its zone", found=time.isoformat())
    return time.astimezone(UTC)
