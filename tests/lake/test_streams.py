"""Data on its way into a table: read once, or made again whole; broken off, it was never there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from chimera_assets.lake import (
    Carried,
    CommitConflict,
    Lake,
    Replay,
    bounded,
    reading,
    stream,
)
from chimera_assets.lake.file_commit import FILE_ATTEMPTS
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deltalake import DeltaTable

    from chimera_assets.lake import Table

ROWS = 50
RANGE = hours(22, 3)
FRAME = events(RANGE, ROWS).with_columns(value=pl.int_range(3 * ROWS))


def read_once(table: pa.Table) -> pa.RecordBatchReader:
    """Batches of uneven sizes, some of them empty, at both ends too."""
    sizes = (0, 1, 7, 0, 60, 2, 0)
    cuts = [sum(sizes[:n]) for n in range(len(sizes))]
    parts = [part for at, size in zip(cuts, sizes, strict=True) for part in cut(table, at, size)]
    return pa.RecordBatchReader.from_batches(
        table.schema, iter([*parts, *cut(table, sum(sizes), table.num_rows)])
    )


def cut(table: pa.Table, at: int, size: int) -> list[pa.RecordBatch]:
    found = table.slice(at, size).combine_chunks().to_batches()
    return found or [pa.RecordBatch.from_pylist([], schema=table.schema)]


KINDS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "frame": lambda frame: frame,
    "lazy frame": lambda frame: frame.lazy(),
    "table": lambda frame: frame.to_arrow(),
    "reader": lambda frame: read_once(frame.to_arrow()),
    "foreign stream": lambda frame: Foreign(read_once(frame.to_arrow())),
    "replay": lambda frame: Replay(
        frame.to_arrow().schema, lambda: iter(read_once(frame.to_arrow()))
    ),
}


class Foreign:
    """Something of another library that exports a stream, once."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._reader.__arrow_c_stream__(requested_schema)


def in_order(table: Table) -> list[int]:
    return table.read().select("value").collect()["value"].sort().to_list()


@pytest.fixture(params=[3, 65_536])
def batch_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    for module in (bounded, stream):
        monkeypatch.setattr(module, "MOST_ROWS", request.param)
    rows: int = request.param
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_comes_once_in_batches_of_any_size(
    local: Lake, kind: str, batch_rows: int
) -> None:
    with stream.Stream(KINDS[kind](FRAME)) as one:
        assert not one.empty
        for _ in range(2):  # and again, from where it was put by
            batches = list(one.reader(FRAME.to_arrow().schema, "x", RANGE))
            assert max(batch.num_rows for batch in batches) <= batch_rows
            assert pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches))).equals(FRAME)
    table = local.table("raw", "x")
    table.write_hours(KINDS[kind](FRAME), RANGE)
    assert in_order(table) == list(range(3 * ROWS))
    table.append(KINDS[kind](FRAME))
    assert table.count() == 6 * ROWS


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_are_no_rows_of_any_kind(local: Lake, kind: str) -> None:
    table = local.table("raw", "x")
    table.write_hours(FRAME, RANGE)
    with stream.Stream(KINDS[kind](FRAME.head(0))) as one:
        assert one.empty
    table.write_hours(KINDS[kind](FRAME.head(0)), hours(23))
    assert table.rows_by_hour()["rows"].to_list() == [ROWS, ROWS]
    assert table.history(1)[0]["chimera.write"] == "clear hours"


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_conflict_the_whole_is_sent_again(local: Lake, kind: str) -> None:
    """Another writer replaces the same hours between our look and our commit."""
    table = local.table("raw", "x")
    table.write_hours(FRAME, RANGE)
    tries = []

    def quicker(delta: DeltaTable) -> Carried:
        tries.append(delta.version())
        if len(tries) == 1:
            Lake(local.uri).table("raw", "x").write_hours(events(RANGE, 1, value=-1), RANGE)
        return Carried(("watermark", len(tries)), {})

    table.write_hours(KINDS[kind](FRAME), RANGE, carry=quicker)

    assert len(tries) == 2
    assert in_order(table) == list(range(3 * ROWS))


class SourceGone(Exception):  # noqa: N818
    """What a source raises of its own."""


def breaking_off(after: int) -> Iterator[pa.RecordBatch]:
    yield from FRAME.to_arrow().to_batches(10)[:after]
    message = "the database went away"
    raise SourceGone(message)


def write(table: Table, data: Any) -> None:
    table.write_hours(data, RANGE)


def overwrite(table: Table, data: Any) -> None:
    table.overwrite(data, partition_by=("hour_partition", "hour"))


def append(table: Table, data: Any) -> None:
    table.append(data)


def merge(table: Table, data: Any) -> None:
    table.merge(data, keys=["event_id"], hours=RANGE)


@pytest.mark.parametrize("way", [write, overwrite, append, merge])
@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("kind", ["reader", "replay"])
def test_a_stream_that_breaks_off_leaves_the_table_as_it_was(
    local: Lake, way: Callable[[Table, Any], None], after: int, kind: str
) -> None:
    table = local.table("raw", "x")
    table.write_hours(FRAME, RANGE)
    before = table.version()
    schema = FRAME.to_arrow().schema
    data = (
        pa.RecordBatchReader.from_batches(schema, breaking_off(after))
        if kind == "reader"
        else Replay(schema, lambda: breaking_off(after))
    )

    with pytest.raises(SourceGone, match="the database went away"):
        way(table, data)

    assert table.version() == before
    assert in_order(table) == list(range(3 * ROWS))


@pytest.mark.parametrize("data", ["reader", "replay"])
def test_a_stream_whose_first_batch_fails_makes_no_table(local: Lake, data: str) -> None:
    table = local.table("raw", "x")
    schema = FRAME.to_arrow().schema
    with pytest.raises(SourceGone):
        table.write_hours(
            pa.RecordBatchReader.from_batches(schema, breaking_off(0))
            if data == "reader"
            else Replay(schema, lambda: breaking_off(0)),
            RANGE,
        )
    assert not table.exists()


def test_who_always_comes_second_gives_up_and_writes_nothing(
    local: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chimera_assets.lake import commit

    monkeypatch.setattr(commit, "pause", lambda _: None)
    table = local.table("raw", "x")
    table.write_hours(FRAME, RANGE)
    tries = []

    def quicker(delta: DeltaTable) -> Carried:
        tries.append(delta.version())
        Lake(local.uri).table("raw", "x").write_hours(events(RANGE, 1, value=-1), RANGE)
        return Carried(("watermark", len(tries)), {})

    with pytest.raises(CommitConflict):
        table.write_hours(read_once(FRAME.to_arrow()), RANGE, carry=quicker)

    assert len(tries) == FILE_ATTEMPTS
    assert in_order(table) == [-1] * 3


@pytest.mark.parametrize("scanned", [1, 7, 50, 51, 1_000])
def test_rows_come_out_once_however_few_are_scanned_at_a_time(
    local: Lake, scanned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a file, a file, several files; in the order of hours."""
    table = local.table("raw", "x")
    for hour in (24, 22, 23):  # not in their order
        table.write_hours(FRAME.filter(pl.col("hour") == hour % 24), hours(hour))
    monkeypatch.setattr(reading, "_SCANNED_ROWS", scanned)
    parts = list(table.batches(RANGE, ["value"], rows=20))
    assert max(part.height for part in parts) <= 20
    assert pl.concat(parts)["value"].to_list() == list(range(3 * ROWS))
    one = pl.concat(table.batches(hours(23), ["value"], rows=20))["value"]
    assert one.to_list() == list(range(ROWS, 2 * ROWS))
