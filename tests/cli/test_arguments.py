"""What users write for times and hours."""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from chimera_assets import hours
from chimera_assets.commands.arguments import (
    chosen_hours,
    chosen_past_hours,
    hours_between,
    parse_hours,
    parse_moment,
    parse_version,
)
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, HourRange


def _hour(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T05:00:00Z",
        "2026-01-31T05",
        "2026-01-31 05:00",
        "2026-01-31T06:00+01:00",
        "2026-01-31-05:00",
    ],
)
def test_a_time_can_be_written_in_many_ways(text: str) -> None:
    assert parse_moment(text, "--start") == _hour(31, 5)


def test_hours_are_an_hour_a_day_or_a_range() -> None:
    assert len(parse_hours("2026-01-31T05")) == 1
    assert len(parse_hours("2026-01-31")) == 24
    for dots in ("..", "/"):
        until = parse_hours(f"2026-01-30{dots}2026-01-31T05")
        assert (until.start, until.end) == (_hour(30), _hour(31, 5))


def test_three_dots_have_the_last_hour_as_dagster_writes_it() -> None:
    printed = "2026-01-31-05:00...2026-01-31-07:00"
    assert list(parse_hours(printed)) == [_hour(31, 5), _hour(31, 6), _hour(31, 7)]
    assert parse_hours("2026-01-30...2026-01-31").end == _hour(31, 23) + ONE_HOUR


@given(st.integers(0, 10**6), st.integers(1, 10**4))
def test_hours_are_read_as_they_are_printed(first: int, length: int) -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC) + first * ONE_HOUR
    written = HourRange(start, start + length * ONE_HOUR)
    assert parse_hours(str(written)) == written == hours.parse_range(str(written))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-31T05..", "expected an hour, a date, START..END or FIRST...LAST"),
        ("..2026-01-31T05", "expected an hour, a date, START..END or FIRST...LAST"),
        ("2026-01-30..2026-01-31..2026-02-01", "expected an hour, a date, START..END"),
        ("2026-01-31..2026-01-31", "later than the start 2026-01-31T00:00Z, as the end is exclu"),
        ("2026-01-31T05:30", "--hours: expected whole hours, found 2026-01-31T05:30Z"),
        ("9999-12-31", "expected a time of the years 2 to 9998, found '9999-12-31'"),
        ("0001-01-01T00:00+05:00", "expected a time of the years 2 to 9998"),
    ],
)
def test_what_is_no_hours_says_what_is(text: str, said: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        parse_hours(text)
    assert said in str(refused.value)


def test_an_end_before_the_start_is_said_once_and_in_the_form_of_times() -> None:
    with pytest.raises(ArgumentError) as refused:
        hours_between("2026-01-31", "2026-01-30")
    assert str(refused.value) == (
        "--start, --end: expected an end later than the start 2026-01-31T00:00Z, as the end is "
        "excluded, found 2026-01-30T00:00Z"
    )


@pytest.mark.parametrize(
    ("first", "end", "said"),
    [
        ("2025-12-31", None, "--from: expected 2026-01-01T00:00Z (CHIMERA_START) or later"),
        ("2026-02-01", None, "--from: expected hours that are over, so at most 2026-01-31T05:00Z"),
        (None, "2026-02-01", "--to: expected hours that are over, so at most 2026-01-31T05:00Z"),
    ],
)
def test_hours_to_verify_are_those_that_can_have_run(
    first: str | None, end: str | None, said: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        chosen_past_hours(first, end, earliest=_hour(1), now=_hour(31, 5))
    assert said in str(refused.value)
    since = chosen_past_hours("2026-01-31", None, earliest=_hour(1), now=_hour(31, 5))
    assert since == HourRange(_hour(31), _hour(31, 5))
    assert chosen_past_hours(None, None, earliest=_hour(1), now=_hour(31, 5)) is None


def test_an_open_range_has_no_other_bound() -> None:
    since = chosen_hours(None, "2026-01-31T05", None)
    assert since is not None
    assert _hour(31, 5) in since
    assert _hour(31, 4) not in since
    assert chosen_hours(None, None, None) is None


def test_a_version_is_a_number_or_a_time() -> None:
    assert parse_version("12") == 12
    assert parse_version("2026-01-31T05") == _hour(31, 5)
