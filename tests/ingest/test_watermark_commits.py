"""Positions in raw's log: beside their rows, whoever else writes, and found again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.ingest.landed_hours import LANDED_HOURS, landed
from chimera_assets.ingest.watermark import NO_HOURS, Extraction, Landed, Watermark
from chimera_assets.ingest.watermark_commits import WATERMARK_KEY, Advance, current_watermark
from chimera_assets.lake import Lake
from chimera_assets.lake.commit import Carried
from chimera_assets.sources.arrivals import Arrivals, Moment
from chimera_assets.sources.snapshot import Snapshot

START = datetime(2026, 1, 31, tzinfo=UTC)
NOW = START + timedelta(days=30)
WRITERS = 6


def hour(number: int) -> datetime:
    return START + number * ONE_HOUR


def rows(number: int, count: int = 3) -> pl.DataFrame:
    moment = hour(number)
    columns = {
        "event_id": [f"e-{number}-{n}" for n in range(count)],
        "hour_partition": [moment.date()] * count,
        "hour": [moment.hour] * count,
    }
    return pl.DataFrame(columns, schema_overrides={"hour": pl.Int32})


def take(lake: Lake, number: int, **found: object) -> Watermark:
    """Write an hour as an extraction does that saw transaction 100 + number."""
    raw = lake.table("raw", "events")
    begun = raw.version() if raw.exists() else None
    moment = Moment(Snapshot(100 + number), "server", 5, frozenset({1}), START)
    hours = HourRange.single(hour(number))
    extraction = Extraction(hours, Arrivals(moment, floor=0), **found)  # type: ignore[arg-type]
    advance = Advance(lake, "events", begun, extraction, lambda _: NO_HOURS)
    raw.write_hours(rows(number), hours, carry=advance)
    return advance.watermark


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


HOUR_SETS = st.frozensets(st.integers(0, 60).map(hour), max_size=8)
MOMENTS = st.builds(
    Moment,
    st.builds(
        Snapshot,
        st.integers(10, 99),
        st.frozensets(st.integers(3, 9), max_size=3),
    ),
    st.none() | st.text(),
    st.integers(0, 2**32),
    st.frozensets(st.integers(1, 2**32), max_size=3),
    st.datetimes(timezones=st.just(UTC)),
)
WATERMARKS = st.builds(
    Watermark,
    st.none() | MOMENTS,
    st.integers(-1, 99),
    HOUR_SETS,
    HOUR_SETS,
    st.dictionaries(st.text(), HOUR_SETS.filter(bool), max_size=3),
)


@given(WATERMARKS)
def test_a_watermark_is_kept_as_text(watermark: Watermark) -> None:
    assert Watermark.from_json(watermark.to_json()) == watermark


def test_what_others_wrote_meanwhile_is_looked_through_and_nothing_else(lake: Lake) -> None:
    take(lake, 0)
    raw = lake.table("raw", "events")
    begun = raw.version()
    take(lake, 1)
    take(lake, 2)
    raw.optimize()
    asked: list[str] = []

    def moved(hours: HourRange) -> frozenset[datetime]:
        asked.append(str(hours))
        return frozenset({hours.start})

    moment = Moment(Snapshot(104), "server", 5, frozenset({1}), START)
    mine = HourRange.single(hour(4))
    extraction = Extraction(mine, Arrivals(moment, floor=0), frozenset({hour(9)}))
    advance = Advance(lake, "events", begun, extraction, moved)
    raw.write_hours(rows(4), mine, carry=advance)

    assert asked == [str(HourRange(hour(1), hour(3)))]
    assert advance.watermark.pending == {hour(1), hour(9)}


def test_runs_at_once_lose_nothing_of_each_other(lake: Lake) -> None:
    """Each takes an hour of its own, and owes another of its own."""
    take(lake, 0)
    together = Barrier(WRITERS)

    def run(number: int) -> Watermark:
        own = Lake(lake.uri)
        together.wait()
        return take(own, number, moved=frozenset({hour(number + 50)}))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(run, range(1, WRITERS + 1)))

    watermark = current_watermark(Lake(lake.uri), "events")
    assert watermark is not None
    assert watermark.extracted == {hour(n) for n in range(WRITERS + 1)}
    assert watermark.pending >= {hour(n + 50) for n in range(1, WRITERS + 1)}
    assert watermark.moment is not None
    assert watermark.moment.snapshot == Snapshot(100 + WRITERS)
    raw = lake.table("raw", "events")
    assert raw.transaction_version(WATERMARK_KEY) == WRITERS + 1
    assert raw.rows_by_hour()["rows"].to_list() == [3] * (WRITERS + 1)


def test_it_is_found_behind_upkeep_and_goes_back_with_a_restore(lake: Lake) -> None:
    first = take(lake, 0, moved=frozenset({hour(9)}))
    raw = lake.table("raw", "events")
    restored = raw.version()
    second = take(lake, 1)
    raw.append(rows(1))
    raw.optimize()
    assert current_watermark(lake, "events") == second

    raw.restore(restored)
    assert current_watermark(lake, "events") == first
    third = take(lake, 2)
    assert third.extracted == {hour(0), hour(2)}
    assert third.pending == {hour(9)}
    assert current_watermark(lake, "events") == third


def test_where_the_log_has_lost_it_nothing_is_taken_for_granted(lake: Lake) -> None:
    assert current_watermark(lake, "events") is None
    take(lake, 0)
    take(lake, 1)
    raw = lake.table("raw", "events")
    raw.delta().create_checkpoint()
    for entry in Path(raw.uri, "_delta_log").glob("*.json"):
        entry.unlink()

    watermark = current_watermark(Lake(lake.uri), "events")

    assert watermark is not None
    assert watermark.moment is None
    assert watermark.extracted == {hour(0), hour(1)}


def test_the_hours_that_files_brought_are_owed_taken_before_or_not(lake: Lake) -> None:
    assert landed(lake, "events", -1, NOW) == Landed()
    files = lake.table("landing", "events")
    for numbers in ([3], [4, 5]):
        named = json.dumps([f"{hour(n):%Y-%m-%d-%H:00}" for n in numbers])
        reported = Carried(("files", numbers[0]), {LANDED_HOURS: named})
        span = HourRange(hour(numbers[0]), hour(numbers[-1]) + timedelta(hours=1))
        files.write_hours(
            pl.concat([rows(n) for n in numbers]), span, carry=lambda _, reported=reported: reported
        )
    before = files.version() - 1

    assert landed(lake, "events", -1, NOW).since(-1) == {hour(3), hour(4), hour(5)}
    assert landed(lake, "events", before, NOW).since(before) == {hour(4), hour(5)}
    # The hour that has not ended is left to the schedule.
    assert landed(lake, "events", -1, hour(5)).since(-1) == {hour(3), hour(4)}
    watermark = take(lake, 4, landed=landed(lake, "events", -1, NOW))
    assert watermark.landing_version == files.version()
    assert watermark.pending == {hour(3), hour(5)}
    # Who read an older state of the files may not say that its hour is whole.
    older = Landed(before, ((before, frozenset({hour(3)})),))
    assert hour(4) in take(lake, 4, landed=older).pending
