"""Hours are replaced, one commit each, and nothing else is touched."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from chimera_assets.lake import HoursMismatch, Lake, LakeError, SchemaConflict, Table, TableNotFound
from chimera_assets.lake.commit import Carried
from chimera_assets.lake.storage import stored_files
from chimera_assets.lake.stream import Replay, Stream
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Iterator


def total(table: Table) -> int:
    return table.read().select(pl.col("value").sum()).collect().item()


def test_writing_hour_two_finds_hour_one_untouched(table: Table) -> None:
    table.write_hours(events(hours(1), value=1), hours(1))
    second = table.write_hours(events(hours(2), value=2), hours(2), metadata={"run": "r-2"})
    again = table.write_hours(events(hours(2), rows=3, value=5), hours(2))

    assert (second.rows, second.files, again.rows) == (10, 1, 3)
    assert again.version == second.version + 1
    assert table.read(hours(1)).collect()["value"].sum() == 10
    assert table.read(hours(2)).collect()["value"].sum() == 15
    assert [entry.get("run") for entry in table.history(2)] == [None, "r-2"]


@pytest.mark.criterion("AC-002.4")
def test_a_range_over_two_midnights_replaces_exactly_its_hours(table: Table) -> None:
    table.write_hours(events(hours(0, 96)), hours(0, 96))
    middle = hours(20, 55)
    commit = table.write_hours(events(middle, rows=1, value=7), middle)

    assert commit.files == 55
    by_hour = table.rows_by_hour()
    assert by_hour.schema == {"hour_partition": pl.Date, "hour": pl.Int32, "rows": pl.Int64}
    assert by_hour["rows"].to_list() == [10] * 20 + [1] * 55 + [10] * 21
    assert table.count(middle) == 55


def test_a_stream_with_no_rows_empties_the_hours_and_says_so(table: Table) -> None:
    table.write_hours(events(hours(0, 3)), hours(0, 3))
    nothing = pa.RecordBatchReader.from_stream(events(hours(1)).clear())
    table.write_hours(nothing, hours(1))
    assert table.rows_by_hour()["hour"].to_list() == [0, 2]
    assert table.history(1)[0]["chimera.write"] == "clear hours"


def test_an_empty_hour_can_be_the_first(local: Lake) -> None:
    table = local.table("raw", "quiet")
    with pytest.raises(TableNotFound, match="no Delta table"):
        table.write_hours(None, hours(0))
    table.write_hours(None, hours(0), schema=events(hours(0)).to_arrow().schema)
    assert table.count() == 0
    assert table.read(hours(0)).collect().is_empty()


def test_hours_of_a_table_without_hours_are_not_replaced(table: Table) -> None:
    table.append(events(hours(0)))
    with pytest.raises(LakeError, match=r"found no partitions; overwrite it as a whole"):
        table.write_hours(events(hours(1)), hours(1))
    assert (table.count(), total(table)) == (10, 10)


def test_a_table_whose_making_was_not_answered_is_there(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = DeltaTable.create

    def unanswered(*given: Any, **named: Any) -> None:
        make(*given, **named)
        msg = "Generic S3 error: connection reset"
        raise OSError(msg)

    monkeypatch.setattr(DeltaTable, "create", unanswered)
    table.write_hours(events(hours(0)), hours(0))
    assert table.count() == 10


def test_rows_outside_the_hours_are_refused_and_nothing_is_written(table: Table) -> None:
    table.write_hours(events(hours(5), value=1), hours(5))
    before = table.version()
    with pytest.raises(HoursMismatch, match=r"only 2026-01-31-05:00, found the hour 2026-01-31-06"):
        table.write_hours(events(hours(5, 2), value=9), hours(5))
    assert (table.version(), total(table)) == (before, 10)


@pytest.mark.criterion("AC-003.6")
def test_a_new_column_is_added_and_older_rows_have_null_there(table: Table) -> None:
    table.write_hours(events(hours(0)), hours(0))
    table.write_hours(events(hours(1)).with_columns(model=pl.lit("m-1")), hours(1))
    table.write_hours(events(hours(2)), hours(2))
    assert table.read(columns=["model"]).collect()["model"].null_count() == 20
    assert table.read(hours(0)).collect_schema()["model"] == pl.String


@pytest.mark.criterion("AC-003.6")
def test_a_retyped_column_is_refused_by_name(table: Table) -> None:
    table.write_hours(events(hours(0)), hours(0))
    retyped = events(hours(1)).with_columns(pl.col("value").cast(pl.String))
    with pytest.raises(SchemaConflict, match="column value: expected integer, found string"):
        table.write_hours(retyped, hours(1))
    assert table.count() == 10


def test_types_that_delta_lacks_are_turned_or_refused_at_the_door(local: Lake) -> None:
    table = local.table("raw", "types")
    odd = events(hours(0)).with_columns(
        category=pl.lit("a", pl.Categorical),
        small=pl.lit(200, pl.UInt8),
        nanos=pl.col("timestamp").cast(pl.Datetime("ns", "UTC")),
        elsewhere=pl.col("timestamp").dt.convert_time_zone("Europe/Rome"),
        tags=pl.lit(pl.Series([["x"]], dtype=pl.List(pl.Enum(["x"])))).first(),
    )
    table.write_hours(odd, hours(0))
    found = table.read().collect()
    utc = pl.Datetime("us", "UTC")
    assert found.schema["category"] == pl.String
    assert found.schema["small"] == pl.Int16
    assert found.schema["nanos"] == found.schema["elsewhere"] == utc
    assert found.schema["tags"] == pl.List(pl.String)
    assert found["elsewhere"].to_list() == found["timestamp"].to_list()

    naive = events(hours(0)).with_columns(pl.col("timestamp").dt.replace_time_zone(None))
    with pytest.raises(SchemaConflict, match=r"column timestamp: .* without a time zone"):
        table.write_hours(naive, hours(0))
    with pytest.raises(SchemaConflict, match="column lasted: expected a type that Delta has"):
        table.write_hours(odd.with_columns(lasted=pl.duration(seconds=1)), hours(0))
    too_big = events(hours(0)).with_columns(value=pl.lit(2**64 - 1, pl.UInt64))
    with pytest.raises(SchemaConflict, match="column value: expected values that fit int64"):
        table.write_hours(too_big, hours(0))
    assert table.version() == 1


@pytest.mark.criterion("AC-002.5")
def test_the_position_is_committed_with_the_data(table: Table) -> None:
    assert table.transaction_version("watermark") is None
    table.write_hours(events(hours(0)), hours(0), carry=counted)
    table.write_hours(None, hours(1), carry=counted)
    assert table.transaction_version("watermark") == 2
    assert [one["watermark"] for one in table.history(2)] == ["2", "1"]


def counted(delta: DeltaTable) -> Carried:
    """A watermark of one more than the table has."""
    number = (delta.transaction_version("watermark") or 0) + 1
    return Carried(("watermark", number), {"watermark": str(number)})


def test_an_error_of_the_source_comes_through_as_its_own(local: Lake) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from good.to_batches()
        msg = "the database went away"
        raise ConnectionError(msg)

    good = events(hours(0)).to_arrow()
    table = local.table("raw", "broken")
    with pytest.raises(OSError, match="the database went away"):
        table.write_hours(pa.RecordBatchReader.from_batches(good.schema, broken()), hours(0))
    assert table.count() == 0


def test_half_a_file_of_a_source_that_fails_is_not_left_behind(table: Table) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        for _ in range(15):  # 150,000 rows: the first row group is in the file
            yield from part.to_batches()
        msg = "the database went away"
        raise ConnectionError(msg)

    part = events(hours(0), rows=10_000).to_arrow()
    with pytest.raises(OSError, match="the database went away"):
        table.write_hours(pa.RecordBatchReader.from_batches(part.schema, broken()), hours(0))

    stored = stored_files(table.uri, table.storage_options)
    assert [path for path in stored if path.endswith(".parquet")] == []


def test_what_can_be_made_again_is_not_copied_for_a_second_try(table: Table) -> None:
    made = []

    def batches() -> Iterator[pa.RecordBatch]:
        made.append(len(made))
        yield from rows.to_batches()

    rows = events(hours(0)).to_arrow()
    with Stream(Replay(rows.schema, batches)) as stream:
        readings = [stream.reader(rows.schema, table.uri, hours(0)).read_all() for _ in range(3)]
    assert made == [0, 1, 2]
    assert all(reading.equals(rows) for reading in readings)


def test_a_stream_that_broke_off_half_way_is_not_taken_for_the_whole(table: Table) -> None:
    rows = events(hours(0), rows=100_000).to_arrow()
    with Stream(
        pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches(1_000)))
    ) as one:
        assert one.may_be_read_again
        begun = one.reader(rows.schema, table.uri, hours(0))
        begun.read_next_batch()
        assert not one.may_be_read_again
        del begun
        assert not one.may_be_read_again
    with Stream(
        pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches(1_000)))
    ) as one:
        whole = one.reader(rows.schema, table.uri, hours(0)).read_all()
        assert one.may_be_read_again
        assert one.reader(rows.schema, table.uri, hours(0)).read_all().equals(whole)


def test_append_overwrite_and_merge(table: Table) -> None:
    first, second = events(hours(0), value=1), events(hours(1), value=1)
    table.append(first, partition_by=("hour_partition", "hour"))
    table.append(second.lazy())
    assert total(table) == 20
    changed = pl.concat([second.head(2), events(hours(1), rows=12).tail(2)])
    table.merge(changed.with_columns(value=pl.lit(100)), keys=["event_id"], hours=hours(1))
    assert (table.count(), total(table)) == (22, 18 + 400)
    table.overwrite(pl.DataFrame({"name": ["a"], "since": [datetime(2026, 1, 1, tzinfo=UTC)]}))
    assert table.read().collect()["name"].to_list() == ["a"]
    assert table.partition_columns() == []


def test_the_log_keeps_smallest_and_largest_values_only_of_columns_named(local: Lake) -> None:
    table = local.table("staged", "private")
    rows = events(hours(0)).with_columns(nothing=pl.lit(None, pl.Int64))
    named = ["value", "timestamp", "nothing", "hour_partition"]
    table.write_hours(rows, hours(0), stats_columns=named)
    log = "\n".join(file.read_text() for file in _log_files(table))
    assert '"e-17' not in log.replace("\\", "")  # as a value: file names hold random letters
    (added,) = [json.loads(line)["add"] for line in log.splitlines() if line.startswith('{"add"')]
    assert json.loads(added["stats"]) == {
        "numRecords": 10,
        "nullCount": {"value": 0, "timestamp": 0, "nothing": 10},
        "minValues": {"value": 1, "timestamp": "2026-01-31T00:00:00.000000Z"},
        "maxValues": {"value": 1, "timestamp": "2026-01-31T00:09:00.000000Z"},
    }
    later = pl.col("timestamp") > datetime(2026, 1, 31, 0, 7, tzinfo=UTC)
    assert table.read().filter(later).collect().height == 2
    assert table.read().collect()["hour_partition"][0] == date(2026, 1, 31)


def _log_files(table: Table) -> list[Path]:
    return list(Path(table.uri).glob("_delta_log/*.json"))
