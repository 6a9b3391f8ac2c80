"""Which types may enter a table, as what, and what is said of those that may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from chimera_assets.lake import HoursMismatch, Lake, SchemaConflict
from chimera_assets.lake.stream import check_hours
from chimera_assets.lake.type_mapping import agreed_schema, conform, delta_type
from tests.lake.conftest import events, hours

if TYPE_CHECKING:
    from collections.abc import Callable

URI = "/lake/raw/events"
UTC_TIME = pa.timestamp("us", tz="UTC")

TYPES: list[tuple[pa.DataType, pa.DataType | None]] = [
    *((kind, kind) for kind in (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    (pa.uint8(), pa.int16()),
    (pa.uint16(), pa.int32()),
    (pa.uint32(), pa.int64()),
    (pa.uint64(), pa.int64()),
    (pa.float16(), pa.float32()),
    (pa.float32(), pa.float32()),
    (pa.float64(), pa.float64()),
    (pa.date64(), pa.date32()),
    (pa.large_string(), pa.string()),
    (pa.binary_view(), pa.binary()),
    (pa.timestamp("ns", tz="Europe/Rome"), UTC_TIME),
    (pa.timestamp("us"), None),
    (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
    (pa.dictionary(pa.int8(), pa.timestamp("s")), None),
    (pa.decimal128(10, 2), pa.decimal128(10, 2)),
    (pa.duration("s"), None),
    (pa.null(), None),
    *(
        (kind, pa.list_(pa.int16()))
        for kind in (
            pa.list_(pa.uint8()),
            pa.large_list(pa.uint8()),
            pa.list_(pa.uint8(), 3),
            pa.list_view(pa.uint8()),
            pa.large_list_view(pa.uint8()),
        )
    ),
    (pa.list_(pa.duration("s")), None),
    (
        pa.struct({"a": pa.uint8(), "b": pa.list_(pa.large_string())}),
        pa.struct({"a": pa.int16(), "b": pa.list_(pa.string())}),
    ),
    (pa.struct({"a": pa.uint8(), "b": pa.duration("s")}), None),
]


@pytest.mark.parametrize(("arrow", "delta"), TYPES, ids=[str(one) for one, _ in TYPES])
def test_a_type(arrow: pa.DataType, delta: pa.DataType | None) -> None:
    assert delta_type(arrow) == delta


def agreed(
    found: pa.DataType, known: pa.DataType | None, *, name: str = "n", hourly: bool = False
) -> pa.DataType:
    existing = pa.schema([("n", known)]) if known is not None else None
    incoming = pa.schema([(name, found)])
    if hourly:
        incoming = incoming.append(pa.field("hour_partition", pa.date32()))
    return agreed_schema(incoming, existing, URI, hourly=hourly).field(name).type


def test_a_column_is_written_as_the_tables_own() -> None:
    assert agreed(pa.uint8(), None) == pa.int16()
    assert agreed(pa.int8(), pa.int64()) == pa.int64()
    assert agreed(pa.float16(), pa.float64()) == pa.float64()
    assert agreed(pa.null(), pa.string()) == pa.string()
    assert agreed(pa.large_string(), pa.large_string()) == pa.string()
    assert agreed(pa.string(), pa.int64(), name="other") == pa.string()
    assert agreed(pa.int64(), None, name="hour", hourly=True) == pa.int32()
    assert agreed(pa.int64(), None, name="hour") == pa.int64()


KEEPS = (
    "; a column keeps the type that its table has. `chimera contract migrate events` rewrites the "
    "tables by the contract; or keep the old type there, or give the column another name "
    "(physicalName says what the source calls it)"
)

CONFLICTS: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: agreed(pa.int64(), pa.int32()),
        f"column n: expected int32, found int64{KEEPS}",
    ),
    (
        lambda: agreed(pa.decimal128(20, 6), pa.decimal128(20, 2)),
        f"column n: expected decimal(20, 2), found decimal(20, 6){KEEPS}",
    ),
    (
        lambda: agreed(pa.decimal128(20, 6), pa.float64()),
        f"column n: expected number (double), found decimal(20, 6){KEEPS}",
    ),
    (
        lambda: agreed(pa.duration("s"), None),
        "column n: expected a type that Delta has, found duration[s]; cast it before writing",
    ),
    (
        lambda: agreed(pa.timestamp("us"), UTC_TIME),
        (
            "column n: expected timestamp[us, tz=UTC], found timestamp[us] without a time zone; "
            "cast it before writing"
        ),
    ),
    (
        lambda: agreed(pa.null(), None),
        "column n: expected a type that Delta has, found null; cast it before writing",
    ),
    (
        lambda: agreed(pa.int8(), None, hourly=True),
        "column hour: expected a partition column int32, found no such column",
    ),
    (
        lambda: conform(
            pa.record_batch({"n": pa.array([2**63], pa.uint64())}),
            pa.schema([("n", pa.int64())]),
            URI,
        ),
        "column n: expected values that fit int64, found a value out of range",
    ),
    (
        lambda: conform(
            pa.record_batch({"n": pa.array(["zq7"])}), pa.schema([("n", pa.int64())]), URI
        ),
        "column n: expected values that fit int64, found a value that cannot be cast",
    ),
    (
        lambda: conform(
            pa.record_batch({"n": pa.array([2**60], pa.timestamp("s", "UTC"))}),
            pa.schema([("n", UTC_TIME)]),
            URI,
        ),
        "column n: expected values that fit timestamp[us, tz=UTC], found a value out of range",
    ),
]


@pytest.mark.parametrize(("attempt", "said"), CONFLICTS)
def test_what_does_not_fit(attempt: Callable[[], Any], said: str) -> None:
    with pytest.raises(SchemaConflict) as refused:
        attempt()
    assert str(refused.value) == f"{URI}: {said}"


def test_values_keep_what_delta_can_keep() -> None:
    moment = datetime(2026, 1, 31, 5, tzinfo=UTC)
    batch = pa.record_batch(
        {
            "at": pa.array([moment], pa.timestamp("ns", tz="Europe/Rome")),
            "kind": pa.array(["a"]).dictionary_encode(),
            "n": pa.array([200], pa.uint8()),
        }
    )
    schema = agreed_schema(batch.schema, None, URI)
    assert conform(batch, schema, URI).to_pylist() == [{"at": moment, "kind": "a", "n": 200}]
    assert conform(batch, batch.schema, URI) is batch


def of_hours(*found: int | None, days: int | None = 0) -> pa.RecordBatch:
    day = None if days is None else (hours(0).start + timedelta(days=days)).date()
    return pa.record_batch(
        {
            "hour_partition": pa.array([day] * len(found), pa.date32()),
            "hour": pa.array(found, pa.int32()),
        }
    )


@pytest.mark.parametrize(
    ("batch", "expected", "found"),
    [
        (of_hours(5, 4, 6), "2026-01-31-05:00", "the hour 2026-01-31-04:00"),
        (of_hours(5, 6, 7), "2026-01-31-05:00", "the hour 2026-01-31-07:00"),
        (of_hours(5, days=1), "2026-01-31-05:00", "the hour 2026-02-01-05:00"),
        (of_hours(5, None), "2026-01-31-05:00", "a row without an hour"),
        (of_hours(5, days=None), "2026-01-31-05:00", "a row without an hour"),
        (of_hours(5, 24), "hours from 0 to 23", "{'min': 5, 'max': 24}"),
        (of_hours(-1, 5), "hours from 0 to 23", "{'min': -1, 'max': 5}"),
    ],
)
def test_rows_outside_of_their_hours(batch: pa.RecordBatch, expected: str, found: str) -> None:
    with pytest.raises(HoursMismatch) as refused:
        check_hours(batch, hours(5), URI)
    assert (refused.value.expected, refused.value.found) == (expected, found)


def test_rows_of_their_hours() -> None:
    for good in (of_hours(5, 5), of_hours()):
        check_hours(good, hours(5), URI)
    check_hours(of_hours(0, 23), hours(0, 24), URI)


def test_a_table_by_the_hour_needs_its_columns(local: Lake) -> None:
    table = local.table("raw", "events")
    rows = events(hours(0))
    with pytest.raises(SchemaConflict) as refused:
        table.write_hours(rows.drop("hour_partition"), hours(0))
    assert str(refused.value) == (
        f"{table.uri}: column hour_partition: expected a partition column date32[day], found no "
        "such column"
    )
    table.write_hours(rows.with_columns(pl.col("hour").cast(pl.Int8)), hours(0))
    assert table.read().collect_schema()["hour"] == pl.Int32
