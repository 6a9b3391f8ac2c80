"""What the sensors of reports remember: no period is forgotten, and none makes a storm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chimera_assets.orchestration.sensors.report_cursor import Due, ReportCursor

MONDAY = datetime(2026, 2, 2, 0, 5, tzinfo=UTC)
W05, W06, W07 = date(2026, 1, 26), date(2026, 2, 2), date(2026, 2, 9)
WEEK = timedelta(weeks=1)


def test_at_first_the_newest_period_is_due_and_later_each_that_has_ended_since() -> None:
    cursor = ReportCursor.begin("weekly", MONDAY, seen=7)
    assert list(cursor.due) == [W05]
    assert cursor.moved_on("weekly", MONDAY + timedelta(days=6)) == cursor
    away = cursor.done(W05).moved_on("weekly", MONDAY + 2 * WEEK)
    assert (list(away.due), away.since, away.until) == ([W06, W07], W05, W07)
    assert ReportCursor.parse(away.to_json()) == away


def test_hours_that_are_judged_later_make_their_period_due_again_but_none_before_the_first() -> (
    None
):
    cursor = ReportCursor.begin("weekly", MONDAY, seen=7).moved_on("weekly", MONDAY + WEEK)
    idle = cursor.asked(W05, "k", MONDAY).done(W05).done(W06)
    late = {date(2026, 2, 1), date(2025, 12, 1), date(2026, 2, 10)}  # of W05; too old; not over
    after = idle.judged("weekly", late, 9)
    assert (after.due, after.seen) == ({W05: Due()}, 9)
    assert list(idle.judged("weekly", None, 9).due) == [W05, W06]  # where nobody knows which
    assert idle.judged("weekly", set(), 9).due == {}


@pytest.mark.parametrize(
    ("kind", "first"), [("daily", date(2026, 2, 1)), ("monthly", date(2026, 1, 1))]
)
def test_days_and_months_are_remembered_by_their_first_day(kind: str, first: date) -> None:
    assert list(ReportCursor.begin(kind, MONDAY, seen=0).due) == [first]


def test_a_run_that_fails_is_asked_for_less_and_less_often() -> None:
    assert Due().again() is None
    pauses = [Due(tries, "k", MONDAY).again() for tries in (1, 2, 3, 5, 6, 40)]
    hours = [(one - MONDAY) / timedelta(hours=1) for one in pauses if one is not None]
    assert hours == [1, 2, 4, 16, 24, 24]
