"""The hour a row belongs to: PostgreSQL, Arrow and Polars agree on it, whatever the times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chimera_assets.hour_columns import HOUR_START, arrow_hour_columns, hour_columns_of
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.catalogue import SourceColumn
from chimera_assets.sources.database import connect
from chimera_assets.sources.placement import (
    AHEAD,
    placed_arrow,
    placed_between_sql,
    placed_polars,
    placed_sql,
)
from chimera_assets.sources.readable import unreadable_when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adbc_driver_postgresql import dbapi

    from chimera_assets.postgres.embedded.server import EmbeddedPostgres

TIME = pa.timestamp("us", tz="UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEP = timedelta(microseconds=1)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

#: Times of PostgreSQL that Arrow cannot hold.
ENDLESS = ("infinity", "-infinity", "0001-12-31 23:59:59.999999+00 BC", "10000-01-01 00:00:00+00")

EVENT = SourceColumn("at", "timestamp with time zone", is_enum=False)
ARRIVAL = SourceColumn("came", "timestamp with time zone", is_enum=False)


@dataclass(frozen=True, slots=True)
class Row:
    """Two times, each a time, one that cannot be read, or none."""

    event: datetime | str | None
    arrival: datetime | str | None


#: Hours at which clocks in Europe and America change, the ends of days and years, and any other.
EDGES = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2028, 2, 29, 23, tzinfo=UTC),
        datetime(2025, 12, 31, 23, tzinfo=UTC),
        datetime(1969, 12, 31, 23, tzinfo=UTC),
        EPOCH,
    ]
)
TIMES = st.one_of(
    st.builds(
        lambda hour, micros: hour + micros * STEP,
        EDGES,
        st.sampled_from([0, 1, -1, 3_599_999_999, 1_800_000_000]),
    ),
    st.datetimes(
        min_value=FIRST.replace(tzinfo=None),
        max_value=LAST.replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
)
#: How far an event is ahead of its arrival: around the limit, a little, a lot, behind.
LEADS = st.one_of(
    st.sampled_from([AHEAD, AHEAD + STEP, AHEAD - STEP, timedelta(), STEP, -STEP, -AHEAD]),
    st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400)),
)
OTHERS = st.one_of(st.none(), st.sampled_from(ENDLESS))


def together(event: datetime, lead: timedelta) -> Row:
    """A row whose event is so far ahead of its arrival, where times go that far."""
    try:
        return Row(event, event - lead)
    except OverflowError:
        return Row(event, event)


ROWS = st.lists(
    st.one_of(
        st.builds(together, TIMES, LEADS),
        st.builds(Row, TIMES | OTHERS, TIMES | OTHERS),
    ),
    min_size=10,
    max_size=60,
)


def text(moment: datetime | str | None) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else moment


def array(moments: list[datetime | str | None]) -> pa.Array:
    """The times as they are read: null where they cannot be."""
    return pa.array([one if isinstance(one, datetime) else None for one in moments], TIME)


def hours_in_sql(
    connection: dbapi.Connection, rows: list[Row], arrival: SourceColumn | None
) -> list[int | None]:
    """Hours since 1970 by PostgreSQL; the filter by hours must select each row by its own only."""
    given = [{"n": n, "at": text(r.event), "came": text(r.arrival)} for n, r in enumerate(rows)]
    placed = SourceColumn("placed", "timestamp with time zone", is_enum=False)
    own = placed_between_sql(EVENT, arrival, "start", "start + interval '1 hour'")
    sql = f"""
        WITH rows AS (
            SELECT *, {placed_sql(EVENT, arrival)} AS placed
            FROM jsonb_to_recordset($1::jsonb) AS r(n int, "at" timestamptz, came timestamptz)
        ),
        hours AS (
            SELECT DISTINCT date_trunc('hour', placed) AS start FROM rows
            WHERE placed IS NOT NULL AND NOT {unreadable_when(placed)}
        )
        SELECT n, (extract(epoch FROM start) / 3600)::int8 AS hour
        FROM rows LEFT JOIN hours ON {own} ORDER BY n
    """  # noqa: S608
    found = execute(connection, sql, [json.dumps(given)])
    assert [row["n"] for row in found] == list(range(len(rows)))
    return [row["hour"] for row in found]


def hours_in_arrow(rows: list[Row], *, arrival: bool) -> list[int | None]:
    events, arrivals = array([r.event for r in rows]), array([r.arrival for r in rows])
    days, hours = arrow_hour_columns(placed_arrow(events, arrivals if arrival else None))
    pairs = zip(days.cast(pa.int32()).to_pylist(), hours.to_pylist(), strict=True)
    return [None if day is None else day * 24 + hour for day, hour in pairs]


def hours_in_polars(rows: list[Row], *, arrival: bool) -> list[int | None]:
    frame = pl.DataFrame(
        {
            "at": pl.from_arrow(array([r.event for r in rows])),
            "came": pl.from_arrow(array([r.arrival for r in rows])),
        }
    )
    placed = placed_polars(pl.col("at"), pl.col("came") if arrival else None)
    micros = frame.select(hour_columns_of(placed)).select(HOUR_START.dt.epoch("us")).to_series()
    return [None if one is None else one // 3_600_000_000 for one in micros]


@pytest.fixture(scope="module")
def connection(server: EmbeddedPostgres) -> Iterator[dbapi.Connection]:
    """One for all rows, in UTC as every session of the source."""
    with connect(server.url("operational")) as connection:
        execute(connection, "SET TimeZone = 'UTC'")
        yield connection


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@settings(max_examples=100)
@given(rows=ROWS, with_arrival=st.booleans())
@example(
    # On the hour, so that what places them decides their hour.
    rows=[Row(NOON, NOON - lead) for lead in (AHEAD, AHEAD + STEP, AHEAD - STEP, -AHEAD)]
    + [Row(None, NOON), Row("infinity", NOON), Row(NOON, None), Row(NOON, "-infinity")]
    + [Row("-infinity", "infinity"), Row(None, None), Row(FIRST, FIRST), Row(LAST, LAST)],
    with_arrival=True,
)
def test_all_agree_on_the_hour_of_every_row(
    connection: dbapi.Connection,
    rows: list[Row],
    with_arrival: bool,  # noqa: FBT001
) -> None:
    in_sql = hours_in_sql(connection, rows, ARRIVAL if with_arrival else None)
    assert hours_in_arrow(rows, arrival=with_arrival) == in_sql
    assert hours_in_polars(rows, arrival=with_arrival) == in_sql


def test_an_event_may_seem_five_minutes_ahead_and_no_more() -> None:
    arrived = datetime(2026, 1, 31, 11, 58, tzinfo=UTC)
    rows = [Row(arrived + AHEAD, arrived), Row(arrived + AHEAD + STEP, arrived)]
    noon = int((NOON - EPOCH) / timedelta(hours=1))
    assert hours_in_arrow(rows, arrival=True) == [noon, noon - 1]
