"""Values for people: thousands, units, times in UTC by name, and a dash for what is not known.

Money and other decimals keep all their digits but zeros at their end. A share short of the whole
never shows as 100 %, nor one that is more than nothing as 0 %.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from math import isfinite
from typing import TYPE_CHECKING

from chimera_assets.reports.document import Kind
from chimera_assets.reports.rendering.machines import text, utc

if TYPE_CHECKING:
    from chimera_assets.reports.document import Figure, Value
    from chimera_assets.reports.rendering.machines import Scalar

UNKNOWN = "–"  # noqa: RUF001 - an en dash

#: A number and its unit stay on one line.
_SPACE = "\u00a0"
_CENTS = 2
_NUMBERS = frozenset({Kind.number, Kind.money, Kind.share})
_NUMBER, _MOMENT = re.compile(r"-?\d+(\.\d+)?"), re.compile(r"\d{4}-\d\d-\d\dT.*Z")
_SHARE_PLACES, _MOST_SHARE_PLACES = 1, 6
_WHOLE = Decimal(100)
#: Floats from the least on show a digit at two decimals; beyond the most they have no more digits.
_LEAST, _MOST = 0.005, 1e15


def shown(value: Value, kind: Kind, *, places: int | None = None) -> str:
    """The value without its unit.

    Args:
        value: The value.
        kind: How it is meant.
        places: Decimals to fill up with zeros, so that those of a column stand below each other.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, str | date) or not isfinite(value):
        return text(value)
    return _share(value) if kind is Kind.share else _number(value, kind, places)


def with_unit(value: Value, kind: Kind, unit: str) -> str:
    """The value with its unit, `1,234 ms`."""
    plain = shown(value, kind)
    return plain if value is None or not unit else f"{plain}{_SPACE}{unit}"


def from_json(value: Scalar, kind: Kind, unit: str = "") -> str:
    """A value of `report.json`, with its unit: numbers that are texts there are numbers again."""
    read: Value = value
    if isinstance(value, str) and kind in _NUMBERS and _NUMBER.fullmatch(value):
        read = Decimal(value)
    elif isinstance(value, str) and kind is Kind.time and _MOMENT.fullmatch(value):
        read = datetime.fromisoformat(value)
    return with_unit(read, kind, unit)


def decimals(value: Value, kind: Kind) -> int:
    """How many decimals the value is shown with."""
    if isinstance(value, Decimal) and value.is_finite() and kind is not Kind.share:
        exponent = value.normalize().as_tuple().exponent  # a column's scale adds zeros
        own = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        return max(own, _CENTS if kind is Kind.money else 0)
    return _CENTS if isinstance(value, float) or kind is Kind.money else 0


def change(figure: Figure) -> str:
    """How a figure moved against the period before, `+12.3 % from 1,234`; empty if not known."""
    now, before = figure.value, figure.before
    if not _is_number(now) or not _is_number(before):
        return ""
    then = with_unit(before, figure.kind, figure.unit)
    difference = Decimal(str(now)) - Decimal(str(before))
    if not difference:
        return f"unchanged from {then}"
    if figure.kind is Kind.share:
        return f"{_signed(difference * _WHOLE)} points from {then}"
    if not before:
        return f"from {then}"
    relative = difference / abs(Decimal(str(before))) * _WHOLE
    return f"{_signed(relative)}{_SPACE}% from {then}"


def _is_number(value: Value) -> bool:
    return (
        isinstance(value, int | float | Decimal)
        and not isinstance(value, bool)
        and (isfinite(value))
    )


def _signed(number: Decimal) -> str:
    rounded = number.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return _minus(f"{rounded:+,f}") if rounded else "less than ±0.1"


def _number(value: float | Decimal, kind: Kind, places: int | None) -> str:
    wanted = decimals(value, kind) if places is None else max(places, decimals(value, kind))
    if isinstance(value, int):
        return _minus(f"{value:,}" if kind is not Kind.money else f"{Decimal(value):,.{wanted}f}")
    if isinstance(value, Decimal):
        return _minus(f"{value:,.{wanted}f}")
    if value and not _LEAST <= abs(value) < _MOST:
        return _minus(f"{value:.3g}")
    return _minus(f"{value + 0.0:,.{wanted}f}")  # no minus before 0


def _share(value: float | Decimal) -> str:
    percent = Decimal(str(value or 0)) * _WHOLE  # no minus before 0
    exact = percent in {0, _WHOLE}
    for places in range(_SHARE_PLACES, _MOST_SHARE_PLACES + 1):
        rounded = percent.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if (rounded in {0, _WHOLE}) == exact:
            return _minus(f"{rounded:,f}{_SPACE}%")
    return f"{'above' if percent > rounded else 'below'} {int(rounded)}{_SPACE}%"


def _time(value: datetime) -> str:
    time = utc(value).replace(tzinfo=None)
    precision = "auto" if time.second or time.microsecond else "minutes"
    return f"{time.isoformat(' ', precision)}{_SPACE}UTC"


def _minus(number: str) -> str:
    return number.replace("-", "−")  # noqa: RUF001 - as wide as the plus
