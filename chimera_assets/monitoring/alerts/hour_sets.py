"""Sets of hours as few ranges, so that three years of them are as small as one hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.hours import HourRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


def merged(ranges: Iterable[HourRange]) -> list[HourRange]:
    """The same hours in the fewest ranges, in order."""
    found: list[HourRange] = []
    for one in sorted(ranges, key=lambda r: r.start):
        if found and one.start <= found[-1].end:
            found[-1] = HourRange(found[-1].start, max(found[-1].end, one.end))
        else:
            found.append(one)
    return found


def minus(ranges: Iterable[HourRange], gone: Iterable[HourRange]) -> list[HourRange]:
    """The hours of `ranges` that are not in `gone`, in order."""
    left = list(ranges)
    for one in gone:
        left = [part for kept in left for part in _cut_out(kept, one)]
    return left


def _cut_out(hours: HourRange, gone: HourRange) -> Iterator[HourRange]:
    if hours.start < min(hours.end, gone.start):
        yield HourRange(hours.start, min(hours.end, gone.start))
    if max(hours.start, gone.end) < hours.end:
        yield HourRange(max(hours.start, gone.end), hours.end)


def holds(ranges: Iterable[HourRange], hour: datetime) -> bool:
    """Whether the hour is one of them."""
    return any(hour in one for one in ranges)


def covers(ranges: Iterable[HourRange], hours: HourRange) -> bool:
    """Whether all of `hours` are among them."""
    return not minus([hours], ranges)
