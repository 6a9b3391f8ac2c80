"""Hours taken from a PostgreSQL database, whatever it holds."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange
from chimera_assets.postgres.connection import execute
from chimera_assets.sources import query
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.catalogue import find_table
from chimera_assets.sources.database import connect
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.embedded.server import EmbeddedPostgres

    Run = Callable[..., None]

ROOT = Path(__file__).parents[2]
FIVE = datetime(2026, 1, 31, 5, tzinfo=UTC)
HOUR = HourRange.single(FIVE)
BATCH = Batch.new("generations", datetime(2026, 1, 31, 6, 5, tzinfo=UTC))
INSERT = (
    "INSERT INTO generations (event_id, timestamp, created_at, provider, model, success,"
    " tokens_used) "
)
MANY = (
    "SELECT 'event-' || i, t, t, 'openai', 'm-1', true, 7 FROM (SELECT i, timestamptz {start}"
    " + i * interval {step} AS t FROM generate_series(1, {rows}) i)"
)


def taken(database: str, contract: Contract, hours: HourRange = HOUR) -> pl.DataFrame:
    reader = PostgresSource(database).now(contract).rows(hours, BATCH)
    return pl.DataFrame(pl.from_arrow(reader.read_all())).sort(contract.key)


def event(name: str, timestamp: str | None, created_at: str | None) -> str:
    times = ", ".join("NULL" if t is None else f"'{t}'" for t in (timestamp, created_at))
    return f"VALUES ('{name}', {times}, 'openai', 'm-1', true, 7)"


@pytest.fixture
def generations(contracts: dict[str, Contract]) -> Contract:
    return contracts["generations"]


def test_a_batch_begins_at_a_moment_wherever_the_clock_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        there = datetime(2026, 1, 31, 15, 5, tzinfo=timezone(timedelta(hours=9)))
        assert Batch.new("generations", there) == BATCH
        assert Batch.new("generations", there).ingested_at.tzinfo is UTC
    finally:
        monkeypatch.undo()
        time.tzset()
    with pytest.raises(ArgumentError) as refused:
        Batch.new("generations", datetime(2026, 1, 31, 6, 5))  # noqa: DTZ001
    assert str(refused.value) == (
        "start of the batch: expected a time with a zone, found 2026-01-31T06:05:00"
    )


def test_an_hour_comes_as_its_contract_says(database: str, run: Run, generations: Contract) -> None:
    init_source(database)
    run(
        INSERT + event("before", "2026-01-31 04:59:59.999999Z", "2026-01-31 05:00:01Z"),
        INSERT + event("first", "2026-01-31 05:00:00Z", "2026-01-31 05:00:01Z"),
        INSERT + event("last", "2026-01-31 05:59:59.999999Z", "2026-01-31 06:00:01Z"),
        INSERT + event("late", "2026-01-31 05:30:00Z", "2026-02-02 11:00:00Z"),
        INSERT + event("after", "2026-01-31 06:00:00Z", "2026-01-31 06:00:01Z"),
        "UPDATE generations SET techniques_applied = '{roleplay,NULL}', latency_ms = 'NaN',"
        " cost_usd = 'Infinity' WHERE event_id = 'first'",
    )

    rows = taken(database, generations)

    assert rows["event_id"].to_list() == ["first", "last", "late"]
    assert rows.schema == pl.Schema(
        {
            **generations.polars_schema(),
            "hour_partition": pl.Date(),
            "hour": pl.Int32(),
            "_batch_id": pl.String(),
            "_ingested_at": pl.Datetime("us", "UTC"),
            "_unreadable": pl.String(),
        }
    )
    first = rows.row(0, named=True)
    assert (first["hour_partition"], first["hour"]) == (date(2026, 1, 31), 5)
    assert first["techniques_applied"] == ["roleplay", None]
    assert first["tenant_id"] == "default"
    assert math.isnan(first["latency_ms"])
    assert first["cost_usd"] == math.inf
    assert first["_batch_id"] == "20260131T060500.000000Z-generations"
    assert first["_ingested_at"] == BATCH.ingested_at
    assert rows["_unreadable"].null_count() == 3


# timestamp, created_at -> the hour of 31 January that takes the row, None for none.
PLACES: dict[str, tuple[str | None, str | None, int | None]] = {
    "on time": ("2026-01-31 05:10Z", "2026-01-31 05:10:01Z", 5),
    "arrival unknown": ("2026-01-31 05:10Z", None, 5),
    "arrival endless": ("2026-01-31 05:10Z", "infinity", 5),
    "arrival before time": ("2026-01-31 05:10Z", "-infinity", 5),
    "arrival at the end of time": ("2026-01-31 05:10Z", "294276-12-31 23:59:59Z", 5),
    "clock a little ahead": ("2026-01-31 05:10Z", "2026-01-31 05:05Z", 5),
    "clock ahead": ("2026-01-31 06:10Z", "2026-01-31 05:59Z", 5),
    "next year": ("2027-01-31 05:10Z", "2026-01-31 05:59Z", 5),
    "no time": (None, "2026-01-31 05:59Z", 5),
    "endless": ("infinity", "2026-01-31 05:59Z", 5),
    "before time": ("-infinity", "2026-01-31 05:59Z", 5),
    "before Christ": ("0044-03-15 12:00Z BC", "2026-01-31 05:59Z", 5),
    "the year 10000": ("10000-01-01 00:00Z", "2026-01-31 05:59Z", 5),
    "late by days": ("2026-01-31 06:10Z", "2026-02-03 05:59Z", 6),
    "no time at all": (None, None, None),
    "nothing readable": ("infinity", "-infinity", None),
}


def test_each_row_with_a_time_is_in_exactly_one_hour(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(*(INSERT + event(name, *times) for name, (*times, _) in PLACES.items()))
    day = HourRange(FIVE - timedelta(hours=5), FIVE + timedelta(hours=19))

    alone = {hour.hour: taken(database, generations, HourRange.single(hour)) for hour in day}
    together = taken(database, generations, day)

    for hour, rows in alone.items():
        expected = sorted(name for name, (*_, place) in PLACES.items() if place == hour)
        assert rows["event_id"].to_list() == expected
        assert set(rows["hour"]) <= {hour}
    assert pl.concat(alone.values()).sort("event_id").equals(together)
    # What no hour takes is told with its reason: also what "arrived" before there were computers.
    run(INSERT + event("of 1970", "1970-01-01 00:00Z", "2026-01-31 05:59Z"))
    run(INSERT + event("arrived in 1800", "2026-01-31 05:10Z", "1800-01-01 00:00Z"))
    found = PostgresSource(database).rows_in_no_hour(generations, datetime(2023, 1, 1, tzinfo=UTC))
    before = [name for name, (*_, place) in PLACES.items() if place is None]
    assert found == {"without a readable time": len(before), "before CHIMERA_START": 2}


def test_what_cannot_be_represented_keeps_its_text(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(
        "ALTER TABLE generations ALTER latency_ms TYPE numeric, ALTER cost_usd TYPE numeric",
        INSERT + event("odd", "infinity", "2026-01-31 05:59Z"),
        INSERT + event("plain", "2026-01-31 05:10Z", "2026-01-31 05:10Z"),
        "UPDATE generations SET latency_ms = 1e400, cost_usd = 1e-400,"
        " techniques_applied = '{{a,b},{c,d}}' WHERE event_id = 'odd'",
        "UPDATE generations SET latency_ms = 'NaN', cost_usd = 0.25,"
        " techniques_applied = '[2:3]={a,b}' WHERE event_id = 'plain'",
    )

    odd, plain = taken(database, generations).to_dicts()

    reported = json.loads(odd["_unreadable"])
    assert set(reported) == {"timestamp", "latency_ms", "cost_usd", "techniques_applied"}
    assert reported["timestamp"] == "infinity"
    assert reported["latency_ms"].startswith("1000")
    assert reported["techniques_applied"] == "{{a,b},{c,d}}"
    assert [odd[name] for name in reported] == [None] * 4
    assert json.loads(plain["_unreadable"]) == {"techniques_applied": "[2:3]={a,b}"}
    assert math.isnan(plain["latency_ms"])
    assert plain["cost_usd"] == 0.25


def test_hours_are_utc_wherever_the_server_is(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    name = database.partition("@/")[2].partition("?")[0]
    run(
        f"ALTER DATABASE {name} SET timezone = 'Asia/Kolkata'",
        f"ALTER DATABASE {name} SET datestyle = 'German'",
        INSERT + event("one", "2026-01-31 05:10Z", "2026-01-31 05:10Z"),
        INSERT + event("two", "2026-01-31 05:10+05:30", "2026-01-31 05:10+05:30"),
        INSERT + event("odd", "20000-01-31 05:10Z", "2026-01-31 05:10Z"),
    )

    rows = taken(database, generations)

    assert rows["event_id"].to_list() == ["odd", "one"]
    assert json.loads(rows["_unreadable"][0]) == {"timestamp": "20000-01-31 05:10:00+00"}


def test_a_table_of_somebody_else_is_read_as_it_is(
    database: str, run: Run, generations: Contract
) -> None:
    """Other integers, enums, domains, uuids, further columns, another schema, awkward names."""
    run(
        'CREATE SCHEMA "The ""Gateway"""',
        "CREATE TYPE outcome AS ENUM ('rate_limited', 'timeout')",
        "CREATE DOMAIN tokens AS bigint CHECK (value >= 0)",
        'CREATE TABLE "The ""Gateway"""."Calls; DROP" ("Extra; --" json, event_id uuid,'
        " timestamp timestamptz, tenant_id varchar(20), user_id char(8), provider name, model text,"
        " prompt_length smallint, response_length bigint, latency_ms real, success bool,"
        " error_code outcome, techniques_applied varchar(9)[], tokens_used tokens,"
        " cost_usd numeric(12, 6), created_at timestamptz)",
        'INSERT INTO "The ""Gateway"""."Calls; DROP" VALUES (\'{}\','
        " '00000000-0000-0000-0000-00000000000a', '2026-01-31 05:10Z', 'acme', 'ann', 'openai',"
        " 'm-1', 12, 34, 1.5, false, 'timeout', '{roleplay}', 46, 0.000123, '2026-01-31 05:11Z')",
    )
    contract = dataclasses.replace(generations, source_table='"The ""Gateway"""."Calls; DROP"')

    notes = PostgresSource(database).verify(contract)
    (row,) = taken(database, contract).to_dicts()

    extra, lacked = notes
    assert "Extra; --" in extra
    assert "api_key_id" in lacked  # of the columns a source need not have
    assert row["event_id"] == "00000000-0000-0000-0000-00000000000a"
    assert (row["error_code"], row["provider"], row["techniques_applied"]) == (
        "timeout",
        "openai",
        ["roleplay"],
    )
    assert (row["prompt_length"], row["tokens_used"], row["cost_usd"]) == (12, 46, 0.000123)


def test_a_stream_without_arrivals_is_placed_by_its_events(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(INSERT + event("ahead", "2026-01-31 05:10Z", "2026-01-31 04:00Z"))
    contract = dataclasses.replace(generations, arrival_time=None)

    assert taken(database, contract)["event_id"].to_list() == ["ahead"]


def test_a_reference_table_is_taken_whole(
    database: str, run: Run, contracts: dict[str, Contract]
) -> None:
    init_source(database)
    run(
        "INSERT INTO providers VALUES ('openai', 'OpenAI', 'https://openai.example.com', '{m-1}',"
        " true, 'infinity', now())",
        "INSERT INTO providers VALUES ('azure')",
    )

    reader = PostgresSource(database).extract_reference(contracts["providers"], BATCH)
    rows = pl.DataFrame(pl.from_arrow(reader.read_all())).sort("provider_id")

    assert rows["provider_id"].to_list() == ["azure", "openai"]
    assert rows.columns[-3:] == ["_batch_id", "_ingested_at", "_unreadable"]
    assert "hour" not in rows.columns
    assert json.loads(rows["_unreadable"][1]) == {"created_at": "infinity"}


def test_an_hour_without_rows_is_an_empty_stream(database: str, generations: Contract) -> None:
    init_source(database)

    assert taken(database, generations).is_empty()


def test_the_operational_tables_are_made_once(database: str, run: Run) -> None:
    run("CREATE TABLE providers (provider_id text PRIMARY KEY, region text)")

    init_source(database)
    init_source(database)

    run("SELECT region FROM providers", "SELECT 1 FROM provider_health")


def test_an_hour_is_found_by_index(database: str, run: Run, generations: Contract) -> None:
    init_source(database)
    run(
        INSERT + MANY.format(start="'2026-01-01'", step="'1 minute'", rows=50_000),
        "ANALYZE generations",
    )
    with connect(database) as connection:
        for name, value in (("from", HOUR.start), ("to", HOUR.end)):
            set_it = "SELECT set_config($1, $2, true)"
            execute(connection, set_it, [f"chimera.{name}", value.isoformat()])
        table = find_table(connection, "generations")
        assert table is not None
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            cursor.execute(f"EXPLAIN {query.query(generations, table, hourly=True)}")
            plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "generations_timestamp" in plan
    assert "generations_created_at" in plan
    assert "Seq Scan" not in plan
    assert len(taken(database, generations)) == 60


def test_reading_sees_one_moment_of_the_source(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(INSERT + event("there", "2026-01-31 05:10Z", "2026-01-31 05:10Z"))

    reader = PostgresSource(database).now(generations).rows(HOUR, BATCH)
    run(INSERT + event("new", "2026-01-31 05:11Z", "2026-01-31 05:11Z"))

    assert reader.read_all().num_rows == 1


def test_a_reader_that_is_dropped_or_at_its_end_lets_go_of_the_source(
    database: str, generations: Contract
) -> None:
    init_source(database)
    reader = PostgresSource(database).now(generations).rows(HOUR, BATCH)
    sessions = (
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with connect(database, autocommit=True) as connection:

        def wait_for(expected: int) -> None:
            # The server lists a session for a moment after its client has closed it.
            deadline = time.monotonic() + 10
            while (found := execute(connection, sessions)[0]["n"]) != expected:
                assert time.monotonic() < deadline, found
                time.sleep(0.05)

        wait_for(1)
        del reader
        wait_for(0)
        reader = PostgresSource(database).now(generations).rows(HOUR, BATCH)
        wait_for(1)
        reader.read_all()
        wait_for(0)


MEASURED = """
import resource, sys
from datetime import UTC, datetime
from chimera_assets.contracts import load_contracts
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.hours import HourRange
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.postgres import PostgresSource
contract = load_contracts([SHIPPED_PACKS / "ai" / "contracts"])["generations"]
hours = HourRange.single(datetime(2026, 1, 31, 5, tzinfo=UTC))
source = PostgresSource(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(b.num_rows for b in source.now(contract).rows(hours, Batch.new("g", hours.end)))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow_with_the_hour(database: str, run: Run) -> None:
    init_source(database)
    run(
        "ALTER TABLE generations SET UNLOGGED",
        INSERT + MANY.format(start="'2026-01-31 05:00Z'", step="'6 ms'", rows=400_000),
    )

    reported = subprocess.run(
        [sys.executable, "-c", MEASURED, database],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    rows, megabytes = map(int, reported.stdout.split())
    assert rows == 400_000
    assert megabytes < 150


def test_batches_sort_by_time_and_name_their_stream() -> None:
    early: Any = Batch.new("generations", FIVE)
    late = Batch.new("generations", FIVE + timedelta(microseconds=1))

    assert early.batch_id < late.batch_id
    assert early == Batch.new("generations", FIVE)


def test_the_embedded_server_is_the_one_asked(server: EmbeddedPostgres, database: str) -> None:
    assert str(server.cluster.socket_folder) in database
