"""The period of a report: a day, a week, a month or any range, in a time zone, as whole UTC hours.

`2026-01-31` is a day, `2026-W05` a week (ISO 8601, from Monday), `2026-01` a month, and
`2026-01-10..2026-01-20` the days from one to before the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange

_WEEK, _MONTH = re.compile(r"(\d{4})-W(\d{2})"), re.compile(r"(\d{4})-(\d{2})")
_EXPECTED = (
    "a day (2026-01-31), a week (2026-W05), a month (2026-01) or a range of days "
    "(2026-01-10..2026-01-20, the end excluded)"
)
DAILY, WEEKLY, MONTHLY, RANGE = "daily", "weekly", "monthly", "range"

#: What UTC is called besides.
_UTC = frozenset({"Etc/UCT", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})

#: The kinds that come again and again.
KINDS = (DAILY, WEEKLY, MONTHLY)


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The period of a report.

    Attributes:
        name: As it is written: `2026-W05`.
        kind: `daily`, `weekly`, `monthly` or `range`.
        zone: The time zone in which days begin, by its IANA name.
        first: Its first day.
        end: The day after its last one.
    """

    name: str
    kind: str
    zone: str
    first: date
    end: date

    @property
    def hours(self) -> HourRange:
        """Its hours.

        Raises:
            ArgumentError: Its days begin within an hour of UTC.
        """
        return _hours(self.first, self.end, self.zone)

    @property
    def before(self) -> HourRange:
        """The hours of the period before: as many days, or the month before."""
        if self.kind == MONTHLY:
            return _hours((self.first - timedelta(days=1)).replace(day=1), self.first, self.zone)
        return _hours(self.first - (self.end - self.first), self.first, self.zone)


def parse_period(text: str, zone: str = "UTC") -> ReportPeriod:
    """A period as somebody wrote it.

    Raises:
        ArgumentError: It is none, or there is no such zone.
    """
    given = text.strip()
    try:
        if ".." in given:
            first, end = (date.fromisoformat(day.strip()) for day in given.split("..", 1))
            return _checked(f"{first}..{end}", RANGE, zone, first, end)
        if found := _WEEK.fullmatch(given):
            return _week(int(found[1]), int(found[2]), zone)
        if found := _MONTH.fullmatch(given):
            return _month(date(int(found[1]), int(found[2]), 1), zone)
        return _day(date.fromisoformat(given), zone)
    except ValueError:
        msg = f"period: expected {_EXPECTED}, found {text!r}"
        raise ArgumentError(msg) from None
    except OverflowError:
        raise _out_of_time(text) from None


def last_over(kind: str, now: datetime, zone: str = "UTC") -> ReportPeriod:
    """The newest period of a kind that is over.

    Args:
        kind: `daily`, `weekly` or `monthly`.
        now: The present.
        zone: The time zone in which days begin.

    Raises:
        ArgumentError: There is no such zone.
    """
    today = now.astimezone(_zone(zone)).date()
    if kind == DAILY:
        return _day(today - timedelta(days=1), zone)
    if kind == WEEKLY:
        year, week, _ = (today - timedelta(days=7)).isocalendar()
        return _week(year, week, zone)
    return _month((today.replace(day=1) - timedelta(days=1)).replace(day=1), zone)


def period_of(kind: str, day: date) -> ReportPeriod:
    """The period of a kind that a day lies in, UTC.

    Args:
        kind: `daily`, `weekly` or `monthly`.
        day: The day.
    """
    if kind == DAILY:
        return _day(day, "UTC")
    if kind == WEEKLY:
        year, week, _ = day.isocalendar()
        return _week(year, week, "UTC")
    return _month(day.replace(day=1), "UTC")


def require_over(period: ReportPeriod, now: datetime) -> None:
    """Refuse a period that is not over.

    Raises:
        ArgumentError: It is not.
    """
    if period.hours.end > now:
        msg = (
            f"period {period.name}: expected one that is over, found one that ends at "
            f"{period.hours.end:%Y-%m-%d %H:%M} UTC; name an earlier one, or a range of days "
            "that are over"
        )
        raise ArgumentError(msg)


def _day(day: date, zone: str) -> ReportPeriod:
    return _checked(day.isoformat(), DAILY, zone, day, day + timedelta(days=1))


def _week(year: int, week: int, zone: str) -> ReportPeriod:
    first = date.fromisocalendar(year, week, 1)
    return _checked(f"{year}-W{week:02}", WEEKLY, zone, first, first + timedelta(days=7))


def _month(first: date, zone: str) -> ReportPeriod:
    end = (first + timedelta(days=31)).replace(day=1)
    return _checked(f"{first:%Y-%m}", MONTHLY, zone, first, end)


def _checked(name: str, kind: str, zone: str, first: date, end: date) -> ReportPeriod:
    if end <= first:
        msg = f"period {name}: expected an end after its start, as the end is excluded, found {end}"
        raise ArgumentError(msg)
    _zone(zone)
    period = ReportPeriod(name, kind, "UTC" if zone in _UTC else zone, first, end)
    try:
        _ = period.hours, period.before
    except OverflowError:
        raise _out_of_time(name) from None
    return period


def _out_of_time(period: str) -> ArgumentError:
    """What is said of a period at the end of the calendar."""
    expected = "one that, with the period before it, is within the years 1 to 9999"
    return ArgumentError(f"period: expected {expected}, found {period!r}")


def _hours(first: date, end: date, zone: str) -> HourRange:
    found = _zone(zone)
    start, stop = (datetime.combine(day, time(), found).astimezone(UTC) for day in (first, end))
    for moment in (start, stop):
        if moment.minute:
            msg = (
                f"zone {zone}: expected one whose days begin on a whole hour of UTC, found one "
                f"whose day begins at {moment:%H:%M} UTC"
            )
            raise ArgumentError(msg)
    return HourRange(start, stop)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"zone: expected an IANA name such as Europe/Berlin, found {name!r}"
        raise ArgumentError(msg) from None
