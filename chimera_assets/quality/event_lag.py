"""How old the newest rows of a stream are, by the hours they belong to, not by when they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR, HourRange, floor_hour
from chimera_assets.layers import STAGED
from chimera_assets.system_tables.batches import last_published_hour

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table

#: How far back is looked first: the log of recent hours is short, that of all hours is not.
_RECENT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class EventLag:
    """How old a stream's newest rows are.

    Attributes:
        newest_hour: The newest hour that has published rows; None if none ever had.
        newest_event: The newest event in it.
        published: The newest hour that was published lately, rows or not; None if there was none.
        lag: Time since the end of `newest_hour`; None if there is none.
        allowed: What the contract allows.
    """

    newest_hour: datetime | None
    newest_event: datetime | None
    published: datetime | None
    lag: timedelta | None
    allowed: timedelta

    @property
    def fresh(self) -> bool:
        """Whether the contract's promise is kept; a stream that never had rows made none."""
        return self.lag is None or self.lag <= self.allowed


def lag_of(newest_hour: datetime | None, now: datetime) -> timedelta | None:
    """Time since the end of the newest hour that has rows, never negative; None if there is none.

    Args:
        newest_hour: Of what is asked about. `chimera status` and the checks go by the staged rows,
            which are published once they have passed the gate; the metrics go by the facts where
            there are any, as dashboards show these, so that a model that fails counts as lag too.
        now: The present.
    """
    if newest_hour is None:
        return None
    return max(timedelta(0), now - newest_hour - ONE_HOUR)


def allowed_lag(contract: Contract) -> timedelta:
    """How old the newest rows of a stream may be."""
    return timedelta(hours=contract.freshness_hours)


def event_lag(lake: Lake, contract: Contract, now: datetime) -> EventLag:
    """Measure a stream's lag; old hours that are run again do not change it."""
    staged = lake.table(STAGED, contract.stream)
    hour = newest_hour(staged, now)
    event = _newest_event(staged, contract, hour) if hour is not None else None
    return EventLag(
        newest_hour=hour,
        newest_event=event,
        published=last_published_hour(lake, contract.stream, _recent(now)),
        lag=lag_of(hour, now),
        allowed=allowed_lag(contract),
    )


def newest_hour(table: Table, now: datetime) -> datetime | None:
    """The newest hour that the table has rows of, from its log; None if there is none."""
    if not table.exists() or not set(HOUR_COLUMNS) <= set(table.partition_columns()):
        return None
    recent = table.rows_by_hour(_recent(now))
    hours = recent if not recent.is_empty() else table.rows_by_hour()
    last = hours.select(HOUR_START).to_series().max()
    return last if isinstance(last, datetime) else None


def _recent(now: datetime) -> HourRange:
    """The last days, and whatever is later than now by a clock's mistake."""
    hour = floor_hour(now)
    return HourRange(hour - _RECENT, hour + timedelta(days=1))


def _newest_event(staged: Table, contract: Contract, hour: datetime) -> datetime | None:
    if contract.event_time is None:
        return None
    rows = staged.read(HourRange.single(hour), columns=[contract.event_time])
    newest = rows.max().collect().item()
    return newest if isinstance(newest, datetime) else None


def in_words(lag: EventLag, now: datetime) -> str:
    """A lag for people: how old, how old it may be, and the likelier of two causes."""
    if lag.lag is None or lag.newest_hour is None:
        return "Nothing has been published yet."
    found = (
        f"The newest hour with rows is {lag.newest_hour:%Y-%m-%d %H:%M} UTC, which ended "
        f"{_duration(lag.lag)} ago; the contract allows {_duration(lag.allowed)}."
    )
    if lag.fresh:
        return found
    published, silent = lag.published, lag_of(lag.published, now)
    if published is not None and silent is not None and silent <= lag.allowed:
        return (
            f"{found} Hours are published up to {published:%H:%M} UTC, but without rows: does the "
            "source still get events?"
        )
    return f"{found} No later hour was published: does the hourly job run, and do its runs succeed?"


def _duration(time: timedelta) -> str:
    minutes = int(time / timedelta(minutes=1))
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
