"""What users write for times and hours, and what it means. All of it is UTC.

Every end is excluded, but that of `A...B`: so Dagster writes partitions, and `HourRange` hours.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour, moment_of

#: Delta counts versions in 64 bits.
_LONGEST_VERSION = 18

_ONE_DAY = timedelta(days=1)
_DATE_LENGTH = len("2026-01-31")
_RANGE = re.compile(r"\s*(\.\.\.?|/)\s*")
_INCLUDED = "..."


def parse_moment(text: str, name: str) -> datetime:
    """A time in ISO 8601, a date, or a partition key; without a zone it is UTC.

    Args:
        text: What the user wrote.
        name: The option it was written for, `--start` for instance.

    Raises:
        ArgumentError: It is none of these.
    """
    try:
        return moment_of(text)
    except ValueError as error:
        msg = f"{name}: expected {error}, found {text!r}"
        raise ArgumentError(msg) from None


def parse_whole_hour(text: str, name: str) -> datetime:
    """The hour of a moment.

    Raises:
        ArgumentError: It is no time, or none on the hour.
    """
    moment = parse_moment(text, name)
    if moment != floor_hour(moment):
        msg = f"{name}: expected a whole hour, found {text!r}"
        raise ArgumentError(msg)
    return moment


def parse_hours(text: str, name: str = "--hours") -> HourRange:
    """The hours of an hour, of a date (the whole day), or of two of them.

    `A..B` and `A/B` are the hours from A until B begins; `A...B`, as Dagster and every output of
    ours write it, has those of B, too.

    Raises:
        ArgumentError: It is none of these, or B is not after A.
    """
    first, between, last = _halves(text.strip())
    if not first or (between and (not last or _RANGE.search(last))):
        expected = "an hour, a date, START..END or FIRST...LAST"
        msg = f"{name}: expected {expected}, found {text!r}"
        raise ArgumentError(msg)
    start = parse_moment(first, name)
    if not between:
        return _range(start, start + _length(first), name)
    end = parse_moment(last, name)
    return _range(start, end + _length(last) if between == _INCLUDED else end, name)


def _halves(text: str) -> tuple[str, str, str]:
    """What is before, at and after the first separator; the last two empty if there is none."""
    found = _RANGE.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[1], text[found.end() :]


def _length(text: str) -> timedelta:
    """How long that is which is written as a date or an hour."""
    return _ONE_DAY if _is_date(text) else ONE_HOUR


def chosen_hours(hour: str | None, first: str | None, end: str | None) -> HourRange | None:
    """The hours that `--hour`, or `--from` and `--to`, choose; None if none of them is given.

    Raises:
        ArgumentError: Both ways are used, or one of them is no time.
    """
    if hour is not None:
        if first is not None or end is not None:
            msg = "--hour: expected either --hour or --from and --to, found both"
            raise ArgumentError(msg)
        return parse_hours(hour, "--hour")
    if first is None and end is None:
        return None
    earliest, latest = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    start = parse_moment(first, "--from") if first is not None else earliest
    return _range(start, parse_moment(end, "--to") if end is not None else latest, "--from, --to")


def hours_between(start: str, end: str) -> HourRange:
    """The hours from `--start` to `--end`.

    Raises:
        ArgumentError: One of these is no whole hour, or the end is not after the start.
    """
    return _range(
        parse_whole_hour(start, "--start"), parse_whole_hour(end, "--end"), "--start, --end"
    )


def past_hours(
    start: str,
    end: str,
    *,
    earliest: datetime,
    now: datetime,
    names: tuple[str, str] = ("--start", "--end"),
) -> HourRange:
    """The hours from `start` to `end`, all of them over and in the partitions.

    Args:
        start: The first hour as the user wrote it.
        end: The hour after the last one, likewise.
        earliest: The first hour that there is a partition for.
        now: The present; the hour it lies in is not over.
        names: The options they were written for.

    Raises:
        ArgumentError: One of these is no whole hour, the end is not after the start, an hour is
            before the partitions, or one is not over yet.
    """
    first, last = parse_whole_hour(start, names[0]), parse_whole_hour(end, names[1])
    over = floor_hour(now.astimezone(UTC))
    if first < earliest:
        found = f"{_iso(earliest)} (CHIMERA_START) or later, found {_iso(first)}"
        msg = f"{names[0]}: expected {found}"
        raise ArgumentError(msg)
    for name, moment in zip(names, (first, last), strict=True):
        if moment > over:
            expected = f"hours that are over, so at most {_iso(over)}"
            msg = f"{name}: expected {expected}, found {_iso(moment)}"
            raise ArgumentError(msg)
    return _range(first, last, ", ".join(names))


def chosen_past_hours(
    first: str | None, end: str | None, *, earliest: datetime, now: datetime
) -> HourRange | None:
    """The hours that `--from` and `--to` choose of those that are over; None if neither is given.

    Raises:
        ArgumentError: As of `past_hours`.
    """
    if first is None and end is None:
        return None
    return past_hours(
        first if first is not None else _iso(earliest),
        end if end is not None else _iso(floor_hour(now)),
        earliest=earliest,
        now=now,
        names=("--from", "--to"),
    )


def parse_version(text: str, name: str = "--as-of") -> int | datetime:
    """A version number, or a time.

    Raises:
        ArgumentError: It is neither.
    """
    given = text.strip()
    if given.isdecimal():
        if len(given) > _LONGEST_VERSION:
            msg = f"{name}: expected a version of at most {_LONGEST_VERSION} digits, found {given}"
            raise ArgumentError(msg)
        return int(given)
    return parse_moment(given, f"{name} (a version number or a time)")


def _range(start: datetime, end: datetime, name: str) -> HourRange:
    for moment in (start, end):
        if moment != floor_hour(moment):
            msg = f"{name}: expected whole hours, found {_iso(moment)}"
            raise ArgumentError(msg)
    if end <= start:
        expected = f"an end later than the start {_iso(start)}, as the end is excluded"
        msg = f"{name}: expected {expected}, found {_iso(end)}"
        raise ArgumentError(msg)
    return HourRange(start, end)


def _is_date(text: str) -> bool:
    if len(text) != _DATE_LENGTH:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def parse_names(text: str, name: str) -> list[str]:
    """Names separated by commas.

    Raises:
        ArgumentError: There is none, or one is there twice.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        msg = f"{name}: expected names separated by commas, found {text!r}"
        raise ArgumentError(msg)
    for one in names:
        if names.count(one) > 1:
            msg = f"{name}: expected each name once, found {one} again"
            raise ArgumentError(msg)
    return names
