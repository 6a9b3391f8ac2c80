"""Every way to write leaves files of the same kind, and says in the log what it did, for whom."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR
from chimera_assets.lake import Lake, LakeError, Replay, new_files
from chimera_assets.lake.log_entries import read_actions
from chimera_assets.lake.log_retention import set_log_retention
from chimera_assets.lake.removal import remove_days, remove_rows
from chimera_assets.lake.replacement import replace_rows
from tests.lake.conftest import START, events, hours
from tests.lake.test_writing import counted, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Table

RUN = {"run": "r-1"}
DAY = date(2026, 1, 31)
FIRST, SECOND = hours(0), hours(1)


def replaced(table: Table) -> None:
    rows = events(FIRST, value=7).to_arrow()
    replace_rows(
        table,
        [(DAY, 0)],
        pl.lit(value=False),
        Replay(rows.schema, rows.to_batches),
        metadata=RUN,
        carry=counted,
    )


def ruled(table: Table) -> Table:
    """The table with a rule of its own, so that deltalake writes what is ours elsewhere."""
    table.delta().alter.add_constraint({"small": "value < 50"})
    return table


#: A way to write into a table of two hours -> what the log says of it, and the sum it leaves.
WAYS: dict[str, tuple[Callable[[Table], object], str, int]] = {
    "hours": (
        lambda table: table.write_hours(events(FIRST, value=3), FIRST, metadata=RUN),
        "replace hours",
        40,
    ),
    "no rows": (
        lambda table: table.write_hours(None, FIRST, schema=table.schema(), metadata=RUN),
        "clear hours",
        10,
    ),
    "hours by deltalake": (
        lambda table: ruled(table).write_hours(events(FIRST, value=3), FIRST, metadata=RUN),
        "replace hours",
        40,
    ),
    "the whole": (
        lambda table: table.overwrite(events(FIRST), partition_by=HOUR_COLUMNS, metadata=RUN),
        "replace table",
        10,
    ),
    "at the end": (lambda table: table.append(events(FIRST), metadata=RUN), "append", 30),
    "at the end by deltalake": (
        lambda table: ruled(table).append(events(FIRST), metadata=RUN),
        "append",
        30,
    ),
    "by key": (
        lambda table: table.merge(events(FIRST, value=5), ["event_id"], FIRST, metadata=RUN),
        "merge",
        60,
    ),
    "without some": (
        lambda table: remove_rows(
            table, FIRST, pl.col("event_id").str.ends_with("1"), metadata=RUN
        ),
        "remove rows",
        11,
    ),
    "some by others": (replaced, "replace rows", 80),
}

#: Upkeep, which is nobody's run -> what the log says of it, and how new files are compressed.
UPKEEP: dict[str, tuple[Callable[[Table], object], str, set[str]]] = {
    "merged": (lambda table: table.optimize(FIRST), "optimize", {"SNAPPY"}),
    "in an order": (lambda table: table.z_order(["event_id"]), "z-order", {"SNAPPY"}),
    "in its order": (
        lambda table: table.z_order(["value"], kept_in=["value"]),
        "z-order",
        {"ZSTD"},
    ),
    "as it was": (lambda table: table.restore(1), "restore", set()),
    "retention": (lambda table: set_log_retention(table, 45), "retention of files and log", set()),
}


@pytest.fixture
def table(local: Lake) -> Table:
    made = local.table("staged", "events")
    made.write_hours(events(hours(0, 2)), hours(0, 2))
    return made


def paths(table: Table) -> set[Path]:
    return set(Path(table.uri).rglob("*.parquet"))


def kinds(files: set[Path]) -> set[tuple[str, bool]]:
    """How the files' columns are compressed, and whether by dictionaries (see new_files.py)."""
    footers = [pq.read_metadata(path) for path in files]
    groups = [each.row_group(number) for each in footers for number in range(each.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return {(column.compression, column.has_dictionary_page) for column in columns}


@pytest.mark.parametrize("way", WAYS)
def test_rows_are_written(table: Table, way: str) -> None:
    write, said, left = WAYS[way]
    write(table)
    (newest,) = table.history(1)
    assert (newest["chimera.write"], newest["run"]) == (said, "r-1")
    assert total(table) == left
    assert kinds(paths(table)) == {("SNAPPY", False)}


@pytest.mark.parametrize("way", UPKEEP)
def test_a_table_is_kept_in_repair(table: Table, way: str) -> None:
    table.append(events(FIRST))
    before = paths(table)
    work, said, compressed = UPKEEP[way]
    work(table)
    assert table.history(1)[0]["chimera.write"] == said
    assert {compression for compression, _ in kinds(paths(table) - before)} == compressed


def test_the_log_says_which_hours_were_written_and_what_was_restored(table: Table) -> None:
    table.write_hours(events(FIRST), FIRST)
    assert table.history(1)[0]["chimera.hours"] == "2026-01-31-00:00"
    remove_rows(table, hours(0, 2), None, metadata={})
    assert table.history(1)[0]["chimera.hours"] == "2026-01-31-00:00...2026-01-31-01:00"
    table.restore(1)
    assert table.history(1)[0]["chimera.restored"] == "1"


def test_days_before_one_are_removed_and_no_other(local: Lake) -> None:
    table = local.table("quality", "results")
    table.append(events(hours(0, 72), 1), partition_by=["hour_partition"])
    remove_days(table, date(2026, 2, 1), metadata=RUN)
    (newest,) = table.history(1)
    assert (newest["chimera.write"], newest["run"]) == ("remove days", "r-1")
    assert table.rows_by_day()["hour_partition"].to_list() == [date(2026, 2, 1), date(2026, 2, 2)]


def test_what_cannot_be_written_or_restored_is_reported(table: Table, local: Lake) -> None:
    with pytest.raises(LakeError) as refused:
        table.restore(table.version())
    assert str(refused.value) == (
        f"{table.uri}: it is at version 1 already; there is nothing to restore"
    )

    table.write_hours(events(FIRST), FIRST)
    for path in table.delta().file_uris():
        Path(path).touch()
    table.vacuum(0)
    with pytest.raises(LakeError) as gone:
        table.restore(1)
    assert str(gone.value) == (
        f"{table.uri}: version 1 cannot be restored: a file of it is gone (vacuum deletes what "
        "only old versions use); choose a newer version"
    )

    with pytest.raises(LakeError) as negative:
        table.vacuum(-1)
    assert str(negative.value) == f"{table.uri}: vacuum: expected 0 or more days, found -1"

    whole = local.table("raw", "providers")
    whole.overwrite(pl.DataFrame({"hour": [1], "hour_partition": [START.date()]}))
    with pytest.raises(LakeError) as unparted:
        whole.write_hours(events(FIRST), FIRST)
    assert str(unparted.value) == (
        f"{whole.uri}: expected a table partitioned by hour_partition and hour, found no "
        "partitions; overwrite it as a whole"
    )


@pytest.mark.parametrize("group_rows", [2, 1_000])
def test_the_log_says_what_a_file_holds_of_the_columns_asked_for(
    local: Lake, monkeypatch: pytest.MonkeyPatch, group_rows: int
) -> None:
    """Over all its row groups; of a column without a value no more than that."""
    monkeypatch.setattr(new_files, "ROW_GROUP_ROWS", group_rows)
    monkeypatch.setattr(new_files, "_ENCODERS", 1)
    rows = pl.DataFrame(
        {
            "n": [3, None, 1, 2, 5],
            "name": ["b", "a", None, "d", "c"],
            "at": [START + n * ONE_HOUR for n in (2, 0, 1, 4, 3)],
            "day": [date(2026, 1, n) for n in (3, 1, 2, 5, 4)],
            "nothing": pl.Series([None] * 5, dtype=pl.Int64),
            "private": ["x"] * 5,
        }
    )
    named = ["n", "name", "at", "day", "nothing"]
    table = local.table("raw", "private")
    batches = [part for one in range(5) for part in rows[one : one + 1].to_arrow().to_batches()]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    commit = table.append(reader, stats_columns=named)

    (path,) = Path(table.uri).glob("part-00000-*-c000.snappy.parquet")
    assert pq.read_metadata(path).num_row_groups == (3 if group_rows == 2 else 1)
    assert (commit.rows, commit.files, commit.bytes) == (5, 1, path.stat().st_size)
    (added,) = (one["add"] for one in read_actions(table, commit.version) if "add" in one)
    assert json.loads(added["stats"]) == {
        "numRecords": 5,
        "nullCount": {"n": 1, "name": 1, "at": 0, "day": 0, "nothing": 5},
        "minValues": {
            "n": 1,
            "name": "a",
            "at": "2026-01-31T00:00:00.000000Z",
            "day": "2026-01-01",
        },
        "maxValues": {
            "n": 5,
            "name": "d",
            "at": "2026-01-31T04:00:00.000000Z",
            "day": "2026-01-05",
        },
    }
    assert (added["size"], added["dataChange"]) == (path.stat().st_size, True)
    assert abs(added["modificationTime"] / 1_000 - path.stat().st_mtime) < 60
    assert table.read().sort("at").collect().equals(rows.sort("at"))
