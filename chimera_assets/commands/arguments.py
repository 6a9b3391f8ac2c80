"""What users write for times and hours, and what it means. All of it is UTC, every end excluded."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, PARTITION_KEY_FORMAT, HourRange, floor_hour

_ONE_DAY = timedelta(days=1)
_DATE_LENGTH = len("2026-01-31")
_RANGE = re.compile(r"\s*(?:\.\.\.?|/)\s*")


def parse_moment(text: str, name: str) -> datetime:
    """A time in ISO 8601, a date, or a partition key; without a zone it is UTC.

    Args:
        text: What the user wrote.
        name: The option it was written for, `--start` for instance.

    Raises:
        ArgumentError: It is none of these.
    """
    given = text.strip()
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        try:
            moment = datetime.strptime(given, PARTITION_KEY_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            msg = (
                f"{name}: expected a time in ISO 8601 such as 2026-01-31T05:00Z or a date such as "
                f"2026-01-31, found {text!r}"
            )
            raise ArgumentError(msg) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


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
    """The hours of an hour, of a date (the whole day), or of `A..B` (end excluded).

    Raises:
        ArgumentError: It is none of these, or B is not after A.
    """
    parts = _RANGE.split(text.strip())
    if len(parts) > 2 or not all(parts):  # noqa: PLR2004 - a first and a second
        msg = f"{name}: expected an hour, a date or START..END, found {text!r}"
        raise ArgumentError(msg)
    if len(parts) == 2:  # noqa: PLR2004
        return _range(parse_moment(parts[0], name), parse_moment(parts[1], name), name)
    start = parse_moment(parts[0], name)
    length = _ONE_DAY if _is_date(parts[0]) else ONE_HOUR
    return _range(start, start + length, name)


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


def parse_range(start: str, end: str) -> HourRange:
    """The hours from `--start` to `--end`.

    Raises:
        ArgumentError: One of these is no whole hour, or the end is not after the start.
    """
    return _range(parse_moment(start, "--start"), parse_moment(end, "--end"), "--start, --end")


def past_hours(start: str, end: str, *, earliest: datetime, now: datetime) -> HourRange:
    """The hours from `start` to `end`, all of them over and in the partitions.

    Args:
        start: The first hour as the user wrote it.
        end: The hour after the last one, likewise.
        earliest: The first hour that there is a partition for.
        now: The present; the hour it lies in is not over.

    Raises:
        ArgumentError: One of these is no whole hour, the end is not after the start, an hour is
            before the partitions, or one is not over yet.
    """
    hours = parse_range(start, end)
    if hours.start < earliest:
        msg = (
            f"--start: expected {_iso(earliest)} (CHIMERA_START) or later, "
            f"found {_iso(hours.start)}"
        )
        raise ArgumentError(msg)
    over = floor_hour(now.astimezone(UTC))
    if hours.end > over:
        msg = (
            f"--end: expected hours that are over, so at most {_iso(over)}, found {_iso(hours.end)}"
        )
        raise ArgumentError(msg)
    return hours


def parse_version(text: str, name: str = "--as-of") -> int | datetime:
    """A version number, or a time.

    Raises:
        ArgumentError: It is neither.
    """
    given = text.strip()
    if given.isdigit():
        return int(given)
    return parse_moment(given, f"{name} (a version number or a time)")


def _range(start: datetime, end: datetime, name: str) -> HourRange:
    try:
        return HourRange(start, end)
    except ArgumentError as error:
        msg = f"{name}: {error}"
        raise ArgumentError(msg) from None


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
        ArgumentError: There is none.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        msg = f"{name}: expected names separated by commas, found {text!r}"
        raise ArgumentError(msg)
    return names
