"""What users write for times and hours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chimera_assets.commands.arguments import chosen_hours, parse_hours, parse_moment, parse_version


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
    for dots in ("..", "...", "/"):
        hours = parse_hours(f"2026-01-30{dots}2026-01-31T05")
        assert (hours.start, hours.end) == (_hour(30), _hour(31, 5))


def test_an_open_range_has_no_other_bound() -> None:
    since = chosen_hours(None, "2026-01-31T05", None)
    assert since is not None
    assert _hour(31, 5) in since
    assert _hour(31, 4) not in since
    assert chosen_hours(None, None, None) is None


def test_a_version_is_a_number_or_a_time() -> None:
    assert parse_version("12") == 12
    assert parse_version("2026-01-31T05") == _hour(31, 5)
