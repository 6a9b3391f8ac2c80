"""Axes: where their marks stand, and what these say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from chimera_assets.reports.document import Kind
from chimera_assets.reports.rendering.machines import utc

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS = 5
_STEPS = (1, 2, 2.5, 5, 10)
#: An axis of lines begins at 0 unless all happens in the upper part.
_UPPER = 0.6
_LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_THOUSANDS = 10_000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TIME_STEPS = (
    *(_HOUR * hours for hours in (1, 2, 3, 6, 12)),
    *(_DAY * days for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)
_MOST_TIMES = 8
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis of amounts: from where to where, and its marks."""

    low: float
    high: float
    marks: tuple[float, ...]
    step: float

    def share(self, amount: float) -> float:
        """Where an amount stands, 0 at the low end and 1 at the high one."""
        return (amount - self.low) / (self.high - self.low)

    def label(self, mark: float, kind: Kind) -> str:
        """What stands beside a mark."""
        factor, letter = (100.0, "%") if kind is Kind.share else self._unit()
        places = max(0, -floor(log10(self.step * factor) + 1e-9))
        if round(self.step * factor, places) != round(self.step * factor, places + 1):
            places += 1
        number = f"{mark * factor:,.{places}f}".replace("-", "−")  # noqa: RUF001
        return f"{number}\u00a0{letter}" if letter else number

    def _unit(self) -> tuple[float, str]:
        most = max(abs(self.low), abs(self.high))
        if most < _THOUSANDS:
            return 1.0, ""
        return next((1 / size, letter) for size, letter in _LARGE if most >= size)


def scale(amounts: Sequence[float], *, from_zero: bool) -> Scale:
    """An axis that holds all amounts between round marks; for none of them from 0 to 1."""
    low, high = min(amounts, default=0.0), max(amounts, default=1.0)
    if from_zero or low < high * _UPPER:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (low, low + 1) if low >= 0 else (low, 0.0)
    step = _round_step((high - low) / _MARKS)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    marks = tuple(step * at for at in range(first, last + 1))
    return Scale(marks[0], marks[-1], marks, step)


def _round_step(least: float) -> float:
    size = 10.0 ** floor(log10(least))
    return next(size * step for step in _STEPS if size * step >= least * (1 - 1e-9))


def as_time(x: date | datetime) -> datetime:
    """A date as its midnight, UTC."""
    return utc(x) if isinstance(x, datetime) else datetime(x.year, x.month, x.day, tzinfo=UTC)


def time_marks(first: datetime, last: datetime) -> list[datetime]:
    """Round times from the first until the last, eight at most."""
    span = last - first
    step = next((one for one in _TIME_STEPS if span / one < _MOST_TIMES), _TIME_STEPS[-1])
    while span / step >= _MOST_TIMES:
        step *= 2
    at = _MONDAY + ceil((first - _MONDAY) / step) * step
    return [at + number * step for number in range(floor((last - at) / step) + 1)]


def time_labels(times: Sequence[datetime]) -> list[str]:
    """What stands below times: the day where it changes, the year where several are meant."""
    years = len({time.year for time in times}) > 1
    days = all(time.hour == time.minute == 0 for time in times)
    return [
        _day(time, with_year=years) if days or time.hour == time.minute == 0 else f"{time:%H:%M}"
        for time in times
    ]


def _day(time: datetime, *, with_year: bool) -> str:
    day = f"{time.day} {_MONTHS[time.month - 1]}"
    return f"{day} {time.year}" if with_year else day
