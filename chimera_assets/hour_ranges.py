"""The arithmetic of sets of hours, given by their starts or as few ranges of hours in a row.

As ranges, three years of hours are as small as one hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.hours import ONE_HOUR, HourRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


def ranges(hours: Iterable[datetime]) -> list[HourRange]:
    """The hours as the fewest ranges, in order; hours are given by their starts, in UTC."""
    found: list[list[datetime]] = []
    for hour in sorted(hours):
        if found and found[-1][1] == hour:
            found[-1][1] = hour + ONE_HOUR
        else:
            found.append([hour, hour + ONE_HOUR])
    return [HourRange(start, end) for start, end in found]


def ranges_without(hours: Iterable[datetime], without: Iterable[datetime]) -> list[HourRange]:
    """The hours as the fewest ranges that hold none of the hours `without`, in order.

    Args:
        hours: Starts of hours.
        without: Starts of hours that no range may hold; those that are among `hours` do not count.
            Any other hour may be in a range: nothing is known of it, or it has no rows.
    """
    wanted = set(hours)
    found: list[list[datetime]] = []
    together = False
    for hour in sorted(wanted.union(without)):
        if hour in wanted and together:
            found[-1][1] = hour + ONE_HOUR
        elif hour in wanted:
            found.append([hour, hour + ONE_HOUR])
        together = hour in wanted
    return [HourRange(start, end) for start, end in found]


def parts(hours: HourRange, size: int) -> Iterator[HourRange]:
    """The range in parts of `size` hours at most, in order."""
    start = hours.start
    while start < hours.end:
        end = min(start + size * ONE_HOUR, hours.end)
        yield HourRange(start, end)
        start = end


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
