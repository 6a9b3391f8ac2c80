"""Clocks: one that jumps back, daylight saving in the machine's zone, leap days, years' ends."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HourRange, parse_key
from chimera_assets.lake import Lake
from chimera_assets.quality import stage_hours
from chimera_assets.reconciliation.row_conservation import row_conservation
from chimera_assets.run_context import RunContext
from tests.faults.conftest import SOAK
from tests.lake.conftest import events, hours
from tests.quality.rows import HOUR, PROVIDERS, good_row, raw_frame, shipped
from tests.site.site import generations, keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Survived
    from tests.faults.disposable_site import DisposableSite

ONE = HourRange.single(HOUR)


def test_appends_and_hours_while_the_clock_jumps_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: Survived
) -> None:
    """An append carries the time as a number that is expected to grow; all are there once."""
    table = Lake(str(tmp_path / "lake")).table("quality", "log")
    real = time.time_ns
    for number in range(40):
        back = 3_600_000_000_000 * (number // 10)
        monkeypatch.setattr(time, "time_ns", lambda back=back: real() - back)
        table.append(pl.DataFrame({"number": [number]}))
    assert sorted(table.read().collect()["number"]) == list(range(40))

    hourly = Lake(str(tmp_path / "lake")).table("staged", "events")
    for value in range(3):
        hourly.write_hours(events(hours(0), value=value), hours(0))
    assert hourly.read().collect()["value"].unique().to_list() == [2]
    survived("clock jumping back an hour")


def test_the_last_account_of_an_hour_is_the_last_written_whatever_its_clock_said(
    tmp_path: Path, survived: Survived
) -> None:
    """The hour is judged, the clock goes back an hour, and the hour is judged again, changed."""
    lake, contract = Lake(str(tmp_path / "lake")), shipped()["generations"]
    lake.table("staged", "providers").overwrite(pl.DataFrame({"provider_id": PROVIDERS}))
    raw = lake.table("raw", "generations")
    rows = [good_row(n) for n in range(200)]
    bad = [good_row(500, latency_ms=-1.0)]
    now = HOUR + timedelta(hours=2)
    raw.write_hours(raw_frame(contract, [*rows, *rows[:20], *bad]), ONE)
    stage_hours(RunContext(lake, now, "one"), contract, ONE)
    raw.write_hours(raw_frame(contract, [*rows, *rows[:7], *bad]), ONE)
    stage_hours(RunContext(lake, now - timedelta(hours=1), "two"), contract, ONE)

    counted = row_conservation(lake, contract, ONE)
    assert counted.lost.is_empty()
    assert counted.hours["duplicates"].to_list() == [7]
    (kept,) = lake.table("quarantine", "generations").read().collect().iter_rows(named=True)
    assert kept["first_seen"] <= kept["last_seen"]
    survived("clock jumping back an hour")


#: Zone -> an hour before each of its changes, UTC: 01:00 to 03:00 local are among what follows.
CHANGES = {
    "America/New_York": ("2025-03-09-06:00", "2025-11-02-05:00"),
    "Europe/Berlin": ("2026-03-29-00:00", "2026-10-25-00:00"),
}
CALENDAR = ("2024-02-29-22:00", "2025-12-31-22:00", "2024-12-31-22:00")
STORIES = [(zone, first) for zone, changes in CHANGES.items() for first in changes]
STORIES += [(zone, first) for zone in ("UTC", "Pacific/Kiritimati") for first in CALENDAR]


@pytest.mark.timeout(1200 if SOAK else 300)
@pytest.mark.parametrize(
    ("zone", "first"), STORIES if SOAK else [("America/New_York", "2025-11-02-05:00")]
)
def test_hours_around_a_change_in_the_machines_zone(
    disposable_site: DisposableSite, tmp_path: Path, zone: str, first: str, survived: Survived
) -> None:
    """Four hours, each with a number of rows of its own: as one run, then the second again."""
    site, these = disposable_site, keys(first, 4)
    counts = dict(zip(these, range(11, 15), strict=True))
    site.source.execute("DELETE FROM generations")
    for hour, count in counts.items():
        site.source.insert("generations", generations(hour, count))
    lake = Lake(str(tmp_path / "lake"))
    place = {"CHIMERA_LAKE_URI": lake.uri, "TZ": zone}
    site.ran(these[0], these[-1], **place)
    if SOAK:
        site.ran(these[1], **place)
    for layer, name in (
        ("raw", "generations"),
        ("staged", "generations"),
        ("marts", "fact_generations"),
    ):
        for hour, count in counts.items():
            rows = lake.table(layer, name).read(HourRange.from_keys(hour, hour)).collect()
            assert rows["event_id"].n_unique() == rows.height == count
            in_hour = rows["timestamp"].dt.truncate("1h").unique().to_list()
            assert in_hour == [parse_key(hour)]
    totals = lake.table("aggregates", "agg_provider_metrics").read().collect()
    per_hour = totals.group_by("hour_partition", "hour").agg(pl.col("total_requests").sum())
    assert sorted(per_hour["total_requests"]) == sorted(counts.values())
    survived(f"hours around a change of date or zone: {zone}")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_the_schedule_takes_every_hour_once(
    disposable_site: DisposableSite, zone: str, survived: Survived
) -> None:
    """Tick by tick over both changes, leap days and years' ends, in a machine of that zone."""
    starts = [*CHANGES.get(zone, ()), "2024-02-28-22:00", "2028-02-28-22:00", "2027-12-31-20:00"]
    for start in starts:
        these = keys(start, 30)
        ticks = [parse_key(hour) + timedelta(hours=1, minutes=5) for hour in these]
        asked = disposable_site.asked([tick.isoformat() for tick in ticks], TZ=zone)
        assert asked == [[hour] for hour in these]
    survived(f"schedule over changes of date or zone: {zone}", len(starts))


@pytest.mark.parametrize("hour", ["2024-02-29-23:00", "2028-02-29-00:00", "2027-12-31-23:00"])
def test_an_hour_of_a_leap_day_or_a_years_end_is_judged_whole(
    tmp_path: Path, hour: str, survived: Survived
) -> None:
    lake, contract = Lake(str(tmp_path / "lake")), shipped()["generations"]
    start = parse_key(hour)
    wanted = HourRange.single(start)
    lake.table("staged", "providers").overwrite(pl.DataFrame({"provider_id": PROVIDERS}))
    rows = raw_frame(contract, [good_row(n * 36, start) for n in range(100)])
    lake.table("raw", "generations").write_hours(rows, wanted)
    done = stage_hours(RunContext(lake, start + timedelta(hours=2), "one"), contract, wanted)
    assert done.batches["staged"].to_list() == [100]
    assert lake.table("staged", "generations").count(wanted) == 100
    assert lake.table("staged", "generations").count() == 100
    survived("leap day or year's end")
