"""The hour: the unit in which events are extracted, judged, written and replaced.

An hour is one UTC hour of event time. In every hourly table it is given by two partition columns,
`hour_partition` (DATE) and `hour` (INT, 0 to 23).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Self

from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The names of the two partition columns; their types are in `hour_columns.py`.
DAY_COLUMN, HOUR_COLUMN = "hour_partition", "hour"

#: Both, in partition order.
HOUR_COLUMNS = (DAY_COLUMN, HOUR_COLUMN)

#: How a partition key is written: Dagster's own form for hourly partitions.
PARTITION_KEY_FORMAT = "%Y-%m-%d-%H:%M"

ONE_HOUR = timedelta(hours=1)

#: In these years a day more or less, in any zone, is a time that there is.
_YEARS = range(2, 9999)

#: For so many days, a thousand years, something may be kept: before them there is no time.
LONGEST_DAYS = 365_000


@dataclass(frozen=True, slots=True)
class HourRange:
    """A run of whole UTC hours, the end excluded.

    Attributes:
        start: The first hour, timezone-aware, on the hour.
        end: The hour after the last one.

    Raises:
        ArgumentError: A bound has no time zone, is not a whole hour, or the end is not after the
            start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if value.tzinfo is None:
                msg = f"{name} of the hours: expected a time with a zone, found {value.isoformat()}"
                raise ArgumentError(msg)
            in_utc = value.astimezone(UTC)
            if in_utc != floor_hour(in_utc):
                msg = f"{name} of the hours: expected a whole hour, found {value.isoformat()}"
                raise ArgumentError(msg)
            object.__setattr__(self, name, in_utc)
        if self.end <= self.start:
            msg = (
                f"hours: expected an end later than the start {self.start.isoformat()}, as the end "
                f"is excluded, found {self.end.isoformat()}"
            )
            raise ArgumentError(msg)

    @classmethod
    def single(cls, hour: datetime) -> Self:
        """The one hour that begins at `hour`."""
        return cls(hour, hour + ONE_HOUR)

    @classmethod
    def from_keys(cls, first: str, last: str) -> Self:
        """The hours from partition key `first` to partition key `last`, both included."""
        return cls(parse_key(first), parse_key(last) + ONE_HOUR)

    def __iter__(self) -> Iterator[datetime]:
        hour = self.start
        while hour < self.end:
            yield hour
            hour += ONE_HOUR

    def __len__(self) -> int:
        return int((self.end - self.start) / ONE_HOUR)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        if len(self) == 1:
            return partition_key(self.start)
        return f"{partition_key(self.start)}...{partition_key(self.end - ONE_HOUR)}"


def parse_range(text: str) -> HourRange:
    """The range that was written by `str(hours)`: one key, or two with `...` between them.

    Raises:
        ArgumentError: A key is not of the form `YYYY-MM-DD-HH:00`.
    """
    first, _, last = text.partition("...")
    return HourRange.from_keys(first, last or first)


def moment_of(text: str) -> datetime:
    """What people write for a time: ISO 8601, a date, or a partition key; without a zone it is UTC.

    Raises:
        ValueError: It is none of these; with what was expected.
    """
    given = text.strip()
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        try:
            moment = datetime.strptime(given, PARTITION_KEY_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            msg = "a time in ISO 8601 such as 2026-01-31T05:00Z or a date such as 2026-01-31"
            raise ValueError(msg) from None
    if moment.year not in _YEARS:
        msg = f"a time of the years {_YEARS[0]} to {_YEARS[-1]}"
        raise ValueError(msg)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def floor_hour(moment: datetime) -> datetime:
    """The start of the hour that `moment` lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def partition_key(hour: datetime) -> str:
    """The partition key of an hour, `2026-01-31-05:00` for instance."""
    return hour.astimezone(UTC).strftime(PARTITION_KEY_FORMAT)


def parse_key(key: str) -> datetime:
    """The hour that a partition key names.

    Raises:
        ArgumentError: The key is not of the form `YYYY-MM-DD-HH:00`.
    """
    try:
        return datetime.strptime(key, PARTITION_KEY_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        msg = f"partition key: expected the form 2026-01-31-05:00, found {key!r}"
        raise ArgumentError(msg) from None


def partition_values(hour: datetime) -> tuple[date, int]:
    """The values of `hour_partition` and `hour` for an hour."""
    in_utc = hour.astimezone(UTC)
    return in_utc.date(), in_utc.hour
