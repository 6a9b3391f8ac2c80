"""Rows may be as wide as they like: what is held at a time is bounded by bytes."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import (
    Lake,
    Replay,
    Table,
    bounded,
    compaction,
    encoder,
    new_files,
    reading,
)
from chimera_assets.lake.data_files import files
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("wide_writer.py")
#: A process that has only loaded the libraries has some 150 MB; deltalake took five times the text.
LIMIT_MB = 1_500


def test_six_hundred_megabytes_of_text_pass_through_a_small_process(tmp_path: Path) -> None:
    """As 6,000 rows of 100 kB: within the 8,192 that deltalake's writer gathers."""
    done = subprocess.run(
        [sys.executable, str(WRITER), str(tmp_path / "lake")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < LIMIT_MB


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bounds a thousandth of what they are."""
    monkeypatch.setattr(bounded, "MOST_BYTES", 32_000)
    monkeypatch.setattr(new_files, "ROW_GROUP_BYTES", 32_000)
    monkeypatch.setattr(new_files, "_HELD_BYTES", 64_000)
    monkeypatch.setattr(reading, "_SCANNED_BYTES", 64_000)
    monkeypatch.setattr(reading, "_SMALL_BYTES", 4_000)


def wide(count: int = 1) -> pl.DataFrame:
    """A hundred rows an hour; the texts are 1 kB each but for one of 100 kB."""
    rows = events(hours(0, count), rows=100)
    long = pl.col("event_id") + "x" * 1_000
    number = pl.int_range(pl.len())
    return rows.with_columns(
        text=pl.when(number % 100 == 50).then(long + "y" * 99_000).otherwise(long)
    )


@pytest.mark.usefixtures("small_parts")
def test_row_groups_and_frames_hold_few_bytes_unless_a_single_row_is_larger(table: Table) -> None:
    table.write_hours(wide().to_arrow(), hours(0))
    paths = files(table, table.delta(), None)["path"]
    assert len(paths) == 2  # row groups of an hour are encoded two at a time
    groups = [group for path in paths for group in reading._row_groups(table, path, ["text"])]
    assert sum(rows for rows, _ in groups) == 100
    assert all(size <= 33_000 or rows == 1 for rows, size in groups)
    found = list(table.batches(hours(0)))
    assert all(frame.estimated_size() <= 32_000 or frame.height == 1 for frame in found)
    assert pl.concat(found).sort("event_id").equals(table.read().sort("event_id").collect())


@pytest.mark.parametrize("shuffled", [False, True])
def test_hours_in_any_order_are_each_in_their_own_files(
    local: Lake, monkeypatch: pytest.MonkeyPatch, *, shuffled: bool
) -> None:
    """Also if there are more of them than files may be open at once."""
    monkeypatch.setattr(bounded, "MOST_BYTES", 8_000)
    monkeypatch.setattr(new_files, "_HELD_BYTES", 64_000)
    for module in (new_files, encoder):
        monkeypatch.setattr(module, "OPEN_FILES", 1)
    rows = events(hours(0, 5), rows=2_000)
    if shuffled:
        rows = rows.sample(fraction=1.0, shuffle=True, seed=1)
    table = local.table("raw", "wide")
    commit = table.write_hours(rows, hours(0, 5))
    assert commit.rows == 10_000
    assert table.rows_by_hour()["rows"].to_list() == [2_000] * 5
    written = rows.with_columns(pl.col("hour").cast(pl.Int32)).sort("event_id")
    assert table.read().collect().sort("event_id").equals(written)
    # Some are written before it shows that there is no order.
    assert commit.files == 5 if not shuffled else 5 <= commit.files <= 10


def test_a_large_row_group_of_another_writer_is_read_in_parts(
    local: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of before, or of another tool, as one row group."""
    table = local.table("raw", "wide")
    monkeypatch.setattr(new_files, "ROW_GROUP_BYTES", 100_000_000)
    table.write_hours(wide(), hours(0))
    monkeypatch.setattr(reading, "_SCANNED_BYTES", 64_000)
    monkeypatch.setattr(reading, "_SMALL_BYTES", 4_000)
    listed = files(table, table.delta(), None)
    parts = list(reading._slices(table, listed, None))
    assert len(parts) > 2
    assert sum(rows for _, rows in parts) == 100
    assert sum(frame.height for frame in table.batches()) == 100


@pytest.mark.usefixtures("small_parts")
def test_batches_of_any_kind_are_cut_and_put_together() -> None:
    rows = wide().to_arrow().combine_chunks()
    (batch,) = rows.to_batches()
    parts = list(bounded.bounded(batch))
    assert all(part.nbytes <= 32_000 or part.num_rows == 1 for part in parts)
    assert pa.Table.from_batches(parts).equals(rows)
    views = batch.cast(pa.schema([*batch.schema.remove(5), pa.field("text", pa.string_view())]))
    assert 2 < len(list(bounded.bounded(views))) < 100
    together = list(bounded.gathered(batch.slice(at, 1) for at in range(100)))
    assert pa.Table.from_batches(together).equals(rows)
    assert all(part.nbytes <= 32_000 or part.num_rows == 1 for part in together)
    assert len(together) < 10


def test_what_was_written_of_rows_that_fail_is_deleted(lake: Lake) -> None:
    table = lake.table("raw", "wide")
    good = events(hours(0)).to_arrow()
    table.write_hours(good, hours(0))

    def broken() -> Iterator[pa.RecordBatch]:
        yield from good.to_batches()
        message = "the source is gone"
        raise RuntimeError(message)

    from chimera_assets.lake.storage import stored_files

    before = stored_files(table.uri, table.storage_options)
    with pytest.raises(RuntimeError, match="the source is gone"):
        table.write_hours(Replay(good.schema, broken), hours(0))
    assert stored_files(table.uri, table.storage_options) == before
    assert table.count() == 10


def test_upkeep_merges_wide_rows_and_does_not_sort_them(local: Lake) -> None:
    """A sort of 15,000 rows of 100 kB takes gigabytes, and fails."""
    table = local.table("staged", "wide")
    noise = pl.Series([random.Random(n).randbytes(10_000).hex() for n in range(10)])  # noqa: S311
    for hour in (0, 1):
        rows = events(hours(hour))
        for _ in range(2):
            table.append(
                rows.with_columns(text=noise if hour == 0 else pl.lit("short")),
                partition_by=HOUR_COLUMNS,
            )
    found = compaction.needs(table, ["event_id"], datetime(2026, 2, 2, tzinfo=UTC))
    assert (found.merge, found.order) == ((("2026-01-31", "0"),), (("2026-01-31", "1"),))
    compaction.rewrite(table, found, ["event_id"])
    after = compaction.needs(table, ["event_id"], datetime(2026, 2, 2, tzinfo=UTC))
    assert (after.merge, after.order, table.count()) == ((), (), 40)
