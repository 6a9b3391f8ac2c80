"""Upkeep of a table: only what needs it, beside writers, and no more kept than was asked for."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake, TableNotFound, compaction
from chimera_assets.lake.compaction import needs, rewrite
from chimera_assets.lake.integrity import damaged_files
from chimera_assets.lake.log_retention import log_needs, set_log_retention
from chimera_assets.lake.removal import remove_rows
from chimera_assets.lake.size import size
from chimera_assets.lake.storage import stored_files
from chimera_assets.lake.vacuum import safe_vacuum
from tests.lake.conftest import START, events, hours

if TYPE_CHECKING:
    from chimera_assets.lake import Table

LATER = START + timedelta(days=9)
ORDER = ("value", "event_id")


def shuffled(wanted: HourRange, rows: int = 50) -> pl.DataFrame:
    return events(wanted, rows).sample(fraction=1, shuffle=True, seed=1)


def test_only_hours_with_new_rows_are_ordered(table: Table) -> None:
    table.write_hours(shuffled(hours(0, 5)), hours(0, 5))
    first = rewrite(table, needs(table, ORDER, LATER), ORDER)
    assert (first.ordered, first.merged, first.skipped) == (5, 0, ())
    assert table.read(hours(2)).collect()["event_id"].is_sorted()
    assert needs(table, ORDER, LATER).order == ()

    table.write_hours(shuffled(hours(3)), hours(3))

    assert needs(table, ORDER, LATER).order == (("2026-01-31", "3"),)
    assert table.count() == 250


def test_small_files_are_merged_and_hours_that_writers_are_at_left_alone(
    lake: Lake, table: Table
) -> None:
    table.write_hours(events(hours(0, 3)), hours(0, 3))
    for hour in (0, 2):
        table.append(events(hours(hour)))
    just_now = START + timedelta(hours=3)
    assert needs(table, (), just_now).merge == (("2026-01-31", "0"),)
    wanted = needs(table, (), LATER)
    assert wanted.merge == (("2026-01-31", "0"), ("2026-01-31", "2"))
    assert rewrite(table, wanted, ()).merged == 2
    assert table.stats().files == 3
    assert needs(table, (), LATER).merge == ()
    by_day = lake.table("quality", "results")
    for _ in range(5):
        by_day.append(events(hours(0, 30), 1), partition_by=["hour_partition"])
    assert rewrite(by_day, needs(by_day, (), LATER), ()).merged == 2
    assert (by_day.stats().files, by_day.count()) == (2, 150)


def test_what_was_only_merged_by_hand_is_still_put_in_order(table: Table) -> None:
    table.write_hours(shuffled(hours(0, 2)), hours(0, 2))
    table.append(shuffled(hours(0)))
    assert table.optimize() == {"files_added": 1, "files_removed": 2}
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["0", "1"]

    rewrite(table, needs(table, ORDER, LATER), ORDER)
    table.append(shuffled(hours(0)))
    table.optimize()
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["0"]


def test_an_order_by_hand_counts_if_it_is_the_one_the_table_is_kept_in(table: Table) -> None:
    table.write_hours(shuffled(hours(0, 2)), hours(0, 2))
    table.z_order(["timestamp"], hours(0), kept_in=ORDER)
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["0", "1"]
    table.z_order(ORDER, hours(0), kept_in=ORDER)
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["1"]
    assert table.read(hours(0)).collect()["event_id"].is_sorted()
    table.z_order(["event_id"], hours(0), kept_in=ORDER)
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["0", "1"]


def test_the_plan_for_three_years_of_hours_comes_from_the_log_alone(local: Lake) -> None:
    table = local.table("marts", "fact")
    year = HourRange(START, START + timedelta(hours=2_000))
    table.write_hours(events(year, 1), year)
    folder = Path(table.uri)
    for path in folder.glob("hour_partition=*"):
        path.rename(folder.parent / f"{path.name}-away")
    assert len(needs(table, ORDER, LATER).order) == 9 * 24 - 2


@pytest.mark.criterion("AC-003.7")
def test_a_writer_and_upkeep_at_once_lose_nothing_of_each_other(local: Lake) -> None:
    """The writer rewrites one hour as fast as it can, while what it wrote is put in order.

    Neither fails, at the end the writer's last rows are there, and a quiet night mends the rest.
    """
    table = local.table("marts", "fact")
    wanted = hours(0, 12)
    table.write_hours(shuffled(wanted, 300), wanted)
    stop = threading.Event()
    written: list[int] = []
    failures: list[BaseException] = []

    def write() -> None:
        own = Lake(local.uri).table("marts", "fact")
        try:
            while not stop.is_set():
                own.write_hours(events(hours(5), 100, value=len(written)), hours(5))
                written.append(len(written))
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until and len(written) < 20:
            rewrite(table, needs(table, ORDER, LATER), ORDER)
    finally:
        stop.set()
        writer.join(60)
    assert not failures
    read = table.read().collect()
    assert read.filter(pl.col("hour") == 5)["value"].unique().to_list() == [written[-1]]
    assert read.height == 11 * 300 + 100
    rewrite(table, needs(table, ORDER, LATER), ORDER)
    assert needs(table, ORDER, LATER).order == ()


def test_an_hour_that_keeps_being_written_is_skipped(local: Lake) -> None:
    """Another writer replaces hour 1 each time between upkeep's reading and its commit."""
    table = local.table("marts", "fact")
    table.write_hours(shuffled(hours(0, 3)), hours(0, 3))
    other = Lake(local.uri).table("marts", "fact")

    def order(delta: Any, properties: Any, chosen: Any) -> None:
        if "1" in chosen[1][2]:
            other.write_hours(events(hours(1), 7, value=7), hours(1))
        delta.optimize.z_order(["event_id"], chosen, commit_properties=properties)

    wanted = needs(table, ORDER, LATER).order
    assert list(compaction._rewritten(table, wanted, order, "z-order")) == [("2026-01-31", "1")]
    assert [one[1] for one in needs(table, ORDER, LATER).order] == ["1"]
    assert table.read(hours(1)).collect()["value"].to_list() == [7] * 7
    assert table.count() == 107


@pytest.mark.criterion("AC-003.5")
def test_files_of_killed_writers_go_and_those_of_running_ones_stay(local: Lake) -> None:
    table = local.table("staged", "generations")
    table.write_hours(events(hours(0)), hours(0))
    kept = Path(table.delta().file_uris()[0])
    os.utime(kept, (0, 0))  # it is in use, however old
    table.write_hours(events(hours(0), value=2), hours(0))
    killed, running = kept.with_name("killed.parquet"), kept.with_name("running.parquet")
    for path in (killed, running):
        path.write_bytes(b"12345")
    os.utime(killed, (0, 0))
    assert safe_vacuum(table, 7, dry_run=True) == (1, 5)
    assert killed.exists()
    assert safe_vacuum(table, 0) == (1, 5)  # at least a day is always kept
    assert not killed.exists()
    assert running.exists()
    assert table.read(version=1).collect().height == 10


def test_the_log_forgets_and_what_is_within_its_time_can_still_be_read(local: Lake) -> None:
    table = local.table("staged", "generations")
    log = Path(table.uri) / "_delta_log"

    def rewritten(times: int) -> int:
        for value in range(times):
            table.write_hours(events(hours(0), value=value), hours(0))
        set_log_retention(table, 7)
        return table.version()

    first = rewritten(25)
    long_ago = time.time() - 40 * 86_400
    for path in log.iterdir():
        os.utime(path, (long_ago, long_ago))
    second = rewritten(25)
    set_log_retention(table, 7)
    assert min(int(path.stem) for path in log.glob("*.json")) >= first
    assert size(table).log_files < second - first + 5
    assert table.read(version=second - 1).collect()["value"].unique().to_list() == [23]
    with pytest.raises(TableNotFound, match="past retention"):
        table.read(version=3)


def test_a_longer_past_is_promised_to_the_checkpoints_too(table: Table) -> None:
    table.write_hours(events(hours(0)), hours(0))
    set_log_retention(table, 7)
    version = table.version()
    set_log_retention(table, 45)
    settled = table.delta().metadata().configuration
    assert settled["delta.deletedFileRetentionDuration"] == "interval 45 days"
    assert settled["delta.logRetentionDuration"] == "interval 45 days"
    assert table.version() == version + 1
    set_log_retention(table, 45)
    assert table.version() == version + 1


def test_what_the_log_needs_is_known_before_it_is_done(table: Table) -> None:
    table.write_hours(events(hours(0)), hours(0))
    assert not log_needs(table, 7)
    assert log_needs(table, 45).properties == {
        "delta.deletedFileRetentionDuration": "interval 45 days",
        "delta.logRetentionDuration": "interval 45 days",
    }
    for _ in range(20):
        table.write_hours(events(hours(0)), hours(0))
    assert log_needs(table, 7).checkpoint
    set_log_retention(table, 7)
    assert not log_needs(table, 7)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12))
@example([(3, True), (3, False), (2, True), (0, False)])
@example([(3, True), (0, False), (3, True), (0, True)])
@example([(3, False), (0, False)])
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_as_many_files_of_the_log_go_as_was_said(
    tmp_path_factory: pytest.TempPathFactory, versions: list[tuple[int, bool]]
) -> None:
    """Each version is so many times 20 days old, with a checkpoint or without."""
    table = Lake(str(tmp_path_factory.mktemp("lake"))).table("staged", "generations")
    log = Path(table.uri) / "_delta_log"
    table.write_hours(events(hours(0), 1), hours(0))
    set_log_retention(table, 7)
    for path in log.iterdir():  # else the first version were never past its time, nor any other
        os.utime(path, (0, 0))
    for periods, checkpoint in versions:
        table.write_hours(events(hours(0), 1), hours(0))
        if checkpoint:
            table.fresh().create_checkpoint()
        long_ago = time.time() - periods * 20 * 86_400
        for path in log.glob(f"{table.version():020}.*"):
            os.utime(path, (long_ago, long_ago))
    said = log_needs(table, 7)
    before = set(log.glob("0*"))

    set_log_retention(table, 7)

    assert len(before - set(log.glob("0*"))) == said.expired
    assert not log_needs(table, 7)


def test_rows_are_removed_from_the_newest_version_by_the_hour(table: Table) -> None:
    table.write_hours(events(hours(0, 6)), hours(0, 6))
    remove_rows(table, hours(0, 2), None, metadata={"run": "r"})
    remove_rows(table, hours(4), pl.col("event_id").str.ends_with("-41"), metadata={})
    assert dict(table.rows_by_hour().select("hour", "rows").iter_rows()) == {
        2: 10,
        3: 10,
        4: 1,
        5: 10,
    }
    assert table.history(2)[1]["run"] == "r"


def test_hours_are_reported_as_few_ranges() -> None:
    present = list(hours(0, 10))
    assert [str(r) for r in ranges_without(present[:3] + present[4:6], present)] == [
        "2026-01-31-00:00...2026-01-31-02:00",
        "2026-01-31-04:00...2026-01-31-05:00",
    ]
    # What has no rows parts nothing.
    assert len(list(ranges_without([present[0], present[9]], [present[0], present[9]]))) == 1
    assert list(ranges_without([], present)) == []


def test_missing_and_cut_files_are_found(table: Table) -> None:
    table.write_hours(events(hours(0, 3)), hours(0, 3))
    assert damaged_files(table).is_empty()
    assert hour_starts(table.rows_by_hour()) == list(hours(0, 3))
    stored = stored_files(table.uri, table.storage_options)
    assert sum(path.endswith(".parquet") for path in stored) == 3
    if table.uri.startswith("s3://"):
        return
    first, second, _ = sorted(Path(table.uri).rglob("hour=*/*.parquet"))
    first.unlink()
    os.truncate(second, 10)
    damaged = damaged_files(table).sort("hour")
    assert damaged.select("hour", "found").rows() == [(0, None), (1, 10)]
    assert damaged_files(table, hours(2)).is_empty()
