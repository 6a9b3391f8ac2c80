"""Reading: the hours asked for, the past, in bounded frames, through DuckDB."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from chimera_assets.lake import Lake, LakeError, StorageUnavailable, Table, TableNotFound
from chimera_assets.lake.size import Size, TableStats, size
from chimera_assets.warehouse import duckdb
from tests.lake.conftest import events, hours


def values(table: Table, **past: object) -> list[int]:
    return table.read(**past).select(pl.col("value").unique().sort()).collect()["value"].to_list()


@pytest.mark.criterion("AC-003.2")
def test_the_table_as_it_was_at_a_version_or_a_time(table: Table) -> None:
    first = table.write_hours(events(hours(0), value=1), hours(0))
    time.sleep(1.1)  # S3 tells times by the second
    between = datetime.now(UTC)
    time.sleep(1.1)
    table.write_hours(events(hours(0), value=2), hours(0))

    assert values(table) == [2]
    assert values(table, version=first.version) == values(table, as_of=between) == [1]
    with pytest.raises(TableNotFound, match="no version 99; the newest is 2"):
        table.read(version=99)
    with pytest.raises(
        TableNotFound, match=r"no version is as old as .*; the oldest is version 0 "
    ):
        table.read(as_of=datetime(2020, 1, 1, tzinfo=UTC))
    table.restore(between)
    assert values(table) == [1]
    table.restore(2)
    assert (values(table), table.version()) == ([2], 4)


def test_only_the_files_of_the_hours_are_opened(table: Table) -> None:
    table.write_hours(events(hours(0, 48)), hours(0, 48))
    plan = table.read(hours(23, 2)).explain()
    assert "hour=23" in plan
    assert "hour=22" not in plan
    read = table.read(hours(23, 2), columns=["hour", "hour_partition"]).collect()
    assert read.schema == {"hour": pl.Int32, "hour_partition": pl.Date}
    assert sorted(read["hour"].unique()) == [0, 23]
    with pytest.raises(LakeError, match="no column nope; the table has event_id"):
        table.read(columns=["nope"])


def test_batches_come_in_the_order_of_hours_and_are_bounded(local: Lake) -> None:
    table = local.table("staged", "long")
    for hour in (11, 2, 10):
        table.write_hours(events(hours(hour), rows=5_000), hours(hour))
    parts = list(table.batches(hours(1, 11), columns=["hour"], rows=700))
    assert max(part.height for part in parts) <= 700
    assert {tuple(part.columns) for part in parts} == {("hour",)}
    together = pl.concat(parts)["hour"]
    assert together.rle().struct.field("value").to_list() == [2, 10, 11]
    assert together.len() == 15_000


def test_batches_of_small_and_large_hours_give_every_row_once(local: Lake) -> None:
    table = local.table("staged", "mixed")
    small = events(hours(0, 4), rows=3)
    # More rows than are scanned at a time, in one hour between small ones.
    large = events(hours(2), rows=1).join(pl.select(n=pl.int_range(1_200_000)), how="cross")
    rows = pl.concat([small.filter(pl.col("hour") != 2), large.drop("n")]).sort("hour")
    rows = rows.with_columns(value=pl.int_range(pl.len()))
    table.write_hours(rows, hours(0, 4))
    for wanted in (hours(0, 4), hours(2), hours(3)):
        parts = list(table.batches(wanted, columns=["value", "hour"], rows=65_536))
        assert max(part.height for part in parts) <= 65_536
        found = pl.concat(parts)
        first, last = wanted.start.hour, wanted.end.hour - 1
        expected = rows.filter(pl.col("hour").is_between(first, last))["value"]
        assert found["value"].sort().equals(expected)
        assert found["hour"].is_sorted()


def test_counts_and_sizes_come_from_the_log(table: Table) -> None:
    table.write_hours(events(hours(0, 30)), hours(0, 30))
    assert table.count() == 300
    assert table.count(hours(5, 2)) == 20
    stats = table.stats()
    assert (stats.rows, stats.files, stats.version) == (300, 30, 1)
    assert stats.bytes > 0


def test_the_size_of_a_table_is_that_of_its_files(local: Lake) -> None:
    table = local.table("staged", "sized")
    table.write_hours(events(hours(0, 3)), hours(0, 3))
    table.write_hours(events(hours(0), rows=2), hours(0))
    table.fresh().create_checkpoint()
    folder = Path(table.uri)
    stored = [path.stat().st_size for path in folder.rglob("hour=*/*.parquet")]
    log = [path.stat().st_size for path in (folder / "_delta_log").iterdir()]
    (folder / "notes.txt").write_text("nothing of ours")
    live = [Path(file).stat().st_size for file in table.delta().file_uris()]

    assert (len(stored), len(live), len(log)) == (4, 3, 5)  # one of the hour as it was
    assert size(table) == Size(3, sum(live), 4, sum(stored), 5, sum(log))
    assert table.stats() == TableStats(22, sum(live), 3, 2)
    by_hour = table.sizes_by_hour(hours(0))
    assert by_hour.select("rows", "hour").rows() == [(2, 0)]
    assert 0 < by_hour["bytes"].item() < sum(live)


def test_a_table_without_hours_has_none(local: Lake) -> None:
    table = local.table("raw", "providers")
    table.overwrite(pl.DataFrame({"hour": [1], "name": ["a"]}))
    assert (table.last_hour(), table.count(), table.partition_columns()) == (None, 1, [])
    for attempt in (
        lambda: table.read(hours(0)),
        lambda: table.count(hours(0)),
        table.rows_by_hour,
        table.sizes_by_hour,
    ):
        with pytest.raises(LakeError) as refused:
            attempt()
        assert str(refused.value) == (
            f"{table.uri}: expected an hourly table, found no column hour_partition"
        )
    with pytest.raises(LakeError) as refused:
        table.read(columns=["name", "nope", "no"])
    assert str(refused.value) == f"{table.uri}: no column nope, no; the table has hour, name"
    assert [part.columns for part in table.batches(columns=["name"])] == [["name"]]


def test_hours_and_days_that_have_rows(local: Lake) -> None:
    table = local.table("raw", "events")
    assert table.transaction_version("none") is None
    table.write_hours(events(hours(22, 4), 3), hours(22, 4))
    table.write_hours(None, hours(25))
    days = [hours(0).start.date(), hours(24).start.date()]
    assert table.rows_by_day().rows() == [(days[0], 6), (days[1], 3)]
    assert table.rows_by_hour().rows() == [(days[0], 22, 3), (days[0], 23, 3), (days[1], 0, 3)]
    assert table.rows_by_hour(hours(23)).rows() == [(days[0], 23, 3)]
    assert table.last_hour() == hours(24).start
    assert [one["version"] for one in table.history()] == [2, 1, 0]


def test_a_time_of_the_past_is_one_with_a_zone(
    local: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = local.table("staged", "past")
    table.write_hours(events(hours(0)), hours(0))
    with pytest.raises(LakeError) as naive:
        table.read(as_of=datetime(2020, 1, 1))  # noqa: DTZ001
    assert str(naive.value) == ("as of: expected a time with a zone, found 2020-01-01T00:00:00")
    with pytest.raises(LakeError) as both:
        table.read(version=0, as_of=datetime(2020, 1, 1, tzinfo=UTC))
    assert str(both.value) == f"{table.uri}: expected a version or a time, found both"

    monkeypatch.setenv("TZ", "Asia/Tokyo")  # where the machine stands is of no account
    time.tzset()
    try:
        with pytest.raises(TableNotFound) as early:
            table.read(as_of=datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    finally:
        monkeypatch.undo()
        time.tzset()
    written = datetime.fromtimestamp(table.history()[-1]["timestamp"] // 1000, UTC)
    assert str(early.value) == (
        f"{table.uri}: no version is as old as 2020-01-01T00:00:00+00:00; the oldest is version 0 "
        f"of {written.isoformat()}"
    )


@pytest.mark.criterion("AC-003.7")
def test_upkeep_keeps_every_row(table: Table) -> None:
    for value in range(4):
        table.append(events(hours(0), value=value), partition_by=("hour_partition", "hour"))
    assert table.optimize(hours(0)) == {"files_added": 1, "files_removed": 4}
    assert table.stats().files == 1
    table.z_order(["event_id"])
    assert len(table.vacuum(0, dry_run=True)) == 5
    assert len(table.vacuum(0)) == 5
    assert values(table) == [0, 1, 2, 3]


def test_duckdb_reads_what_was_written_offline(lake: Lake) -> None:
    table = lake.table("staged", "it's")
    table.write_hours(events(hours(0, 30)), hours(0, 30))
    table.write_hours(events(hours(1), rows=1).with_columns(model=pl.lit("m")), hours(1))
    with duckdb.connect(lake) as connection:
        rows, models = connection.execute(
            f"select count(*), count(model) from {duckdb.scan_sql(table)}"  # noqa: S608
        ).fetchall()[0]
        zone = connection.execute("select current_setting('TimeZone')").fetchall()
        old = connection.execute(
            f"select count(*) from {duckdb.scan_sql(table, version=1)}"  # noqa: S608
        ).fetchall()
    assert (rows, models, zone, old) == (291, 1, [("UTC",)], [(300,)])


def test_a_lake_lists_its_tables(lake: Lake) -> None:
    assert lake.tables() == []
    for layer, name in (("staged", "a"), ("raw", "b"), ("raw", "a")):
        lake.table(layer, name).write_hours(events(hours(0)), hours(0))
    assert lake.tables() == [("raw", "a"), ("raw", "b"), ("staged", "a")]
    assert not lake.table("raw", "c").exists()
    with pytest.raises(TableNotFound, match="raw/c: no Delta table there"):
        lake.table("raw", "c").read()


def test_a_lake_that_cannot_be_is_reported_at_once(
    local: Lake, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(local.uri, "w") as file:  # noqa: PTH123
        file.write("not a folder")
    with pytest.raises(LakeError, match=r"found that .*lake is a file") as refused:
        local.table("raw", "a")
    assert not refused.value.transient

    with pytest.raises(LakeError, match=f"bucket nowhere-8 does not exist at {aws}"):
        Lake("s3://nowhere-8/lake").tables()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable, match="cannot reach S3") as unreachable:
        Lake("s3://nowhere-8/lake").table("raw", "a")
    assert unreachable.value.transient
