"""What the sensors of reports remember: no period is forgotten, and none makes a storm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from chimera_assets.lake import Lake
from chimera_assets.orchestration.sensors.report_cursor import Due, ReportCursor
from chimera_assets.reports.readiness import judged_since
from chimera_assets.system_tables.batches import BATCHES, append_batches, batches_table

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


def test_hours_that_are_judged_later_make_their_period_due_again_and_none_before() -> None:
    cursor = ReportCursor.begin("weekly", MONDAY, seen=7).moved_on("weekly", MONDAY + WEEK)
    idle = cursor.asked(W05, "k", MONDAY).done(W05).done(W06)
    late = {date(2026, 2, 1), date(2025, 12, 1), date(2026, 2, 10)}  # of W05; too old; not over
    after = idle.judged("weekly", late, 9, MONDAY + WEEK)
    assert (after.due, after.seen, after.looked) == ({W05: Due()}, 9, MONDAY + WEEK)
    assert idle.judged("weekly", set(), 9, MONDAY).due == {}


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


def test_which_days_were_judged_is_read_off_the_log_or_where_it_was_cut_off_the_rows(
    tmp_path: Path,
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    for day in (26, 27, 28, 28):
        append_batches(lake, judged(datetime(2026, 1, day, tzinfo=UTC)))
    table = batches_table(lake)
    at = datetime(2026, 1, 28, 1, tzinfo=UTC)

    assert table.version() == 4  # it was made by the first one
    assert judged_since(lake, 1, at) == {date(2026, 1, 27), date(2026, 1, 28)}
    table.optimize()
    assert table.version() > 4
    assert judged_since(lake, 4, at) == set()
    (Path(table.uri) / "_delta_log" / f"{1:020}.json").unlink()
    assert judged_since(lake, 0, at) == {date(2026, 1, 28)}
    assert judged_since(lake, 99, at) == {date(2026, 1, 28)}


def judged(hour: datetime) -> pl.DataFrame:
    """The account of an hour that was judged two hours after its start."""
    row = {
        "run_id": "r",
        "batch_id": f"b{hour.day}",
        "stream": "generations",
        "hour_partition": hour.date(),
        "hour": hour.hour,
        **dict.fromkeys(("extracted", "staged"), 1),
        **dict.fromkeys(("quarantined", "duplicates"), 0),
        "pass_rate": 1.0,
        "published": True,
        "judged_at": hour + timedelta(hours=2),
    }
    return pl.DataFrame([row], schema=BATCHES)
