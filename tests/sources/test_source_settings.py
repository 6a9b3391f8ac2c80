"""Databases and users as others set them up: read right, or refused by name with the remedy."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source
from tests.acting import as_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.embedded.server import EmbeddedPostgres

    Run = Callable[..., None]

HOUR = HourRange.single(datetime(2026, 1, 1, 10, tzinfo=UTC))
BATCH = Batch.new("generations", HOUR.end)
ROW = (
    "INSERT INTO generations (event_id, timestamp, tenant_id, provider, model, success,"
    " tokens_used, created_at) VALUES ('{0}', '2026-01-01 10:00Z', '{1}', 'openai', {2}, true, 5,"
    " '2026-01-01 10:01Z')"
)


@pytest.fixture
def generations(contracts: dict[str, Contract]) -> Contract:
    return contracts["generations"]


@pytest.fixture
def reader(database: str, run: Run) -> Iterator[str]:
    """The URL of a login that may only read."""
    init_source(database)
    run(
        "CREATE ROLE reader LOGIN PASSWORD 'reader-1'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        ROW.format("r1", "t", "'m'"),
        ROW.format("r2", "u", "'m'"),
        ROW.format("r3", "u", "'m'"),
    )
    yield as_login(database, "reader", "reader-1")
    run("DROP OWNED BY reader", "DROP ROLE reader")


def taken(url: str, contract: Contract) -> pl.DataFrame:
    rows = PostgresSource(url).now(contract).rows(HOUR, BATCH)
    frame = pl.from_arrow(rows.read_all())
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("event_id")


@pytest.mark.parametrize("through", ["the table", "a view of the reader's", "a partition"])
def test_row_level_security_is_refused_and_never_a_part_of_the_rows(
    reader: str, run: Run, generations: Contract, through: str
) -> None:
    if through == "a partition":
        run(
            "ALTER TABLE generations RENAME TO part",
            "CREATE TABLE generations (LIKE part) PARTITION BY LIST (tenant_id)",
            "ALTER TABLE generations ATTACH PARTITION part DEFAULT",
            "GRANT SELECT ON generations TO reader",
        )
    secured = "generations"
    if through == "a view of the reader's":
        run(
            "ALTER TABLE generations RENAME TO own",
            "CREATE VIEW generations WITH (security_invoker = true) AS SELECT * FROM own",
            "GRANT SELECT ON generations TO reader",
        )
        secured = "own"
    run(
        f"ALTER TABLE {secured} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {secured} FOR SELECT TO reader USING (tenant_id = 't')",
    )
    with pytest.raises(SourceError) as caught:
        taken(reader, generations)
    said = str(caught.value)
    assert f'would be affected by row-level security policy for table "{secured}"' in said
    assert "ALTER ROLE ... BYPASSRLS for this user" in said
    assert not caught.value.transient
    with pytest.raises(SourceError, match="row-level security"):
        PostgresSource(reader).rows_in_no_hour(generations, HOUR.start)

    run("ALTER ROLE reader BYPASSRLS")
    assert taken(reader, generations).height == 3


#: Settings that a user, a database or a pooler's operator may have, and that change words or plans.
SETTINGS = {
    "quote_all_identifiers": "on",
    "search_path": "elsewhere, public",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "row_security": "off",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "lock_timeout": "1s",
    "enable_seqscan": "off",
}


def test_no_setting_of_the_reader_changes_what_is_read(
    reader: str, run: Run, generations: Contract
) -> None:
    run(
        "UPDATE generations SET techniques_applied = '{a,\"back\\\\slash\"}', cost_usd = 0.1,"
        " latency_ms = 1.0/3, user_id = 'Zoë'"
    )
    expected = taken(reader, generations)
    assert expected["event_id"].to_list() == ["r1", "r2", "r3"]
    for name, value in SETTINGS.items():
        run(f"ALTER ROLE reader SET {name} = {value if ',' in value else repr(value)}")
    assert taken(reader, generations).equals(expected)
    assert PostgresSource(reader).verify(generations) == []
    with PostgresSource(reader).now(generations) as now:
        assert now.rows_by_hour(HOUR) == {HOUR.start: 3}
        assert now.count_keys(json.dumps([{"event_id": "r1"}, {"event_id": "x"}])) == 1
    run("ALTER ROLE reader RESET ALL")


def test_a_time_limit_that_is_met_while_rows_are_read_is_told_as_one(
    reader: str, run: Run, generations: Contract
) -> None:
    run(
        "ALTER ROLE reader SET statement_timeout = '300ms'",
        "ALTER TABLE generations RENAME TO fast",
        "CREATE VIEW generations AS SELECT fast.* FROM fast, LATERAL (SELECT pg_sleep(0.2)"
        " WHERE fast.event_id IS NOT NULL OFFSET 0) AS slowly",
        "GRANT SELECT ON generations TO reader",
    )
    with pytest.raises(SourceError) as caught:
        taken(reader, generations)
    assert "canceling statement due to statement timeout" in str(caught.value)
    assert "raise its statement_timeout for this user" in str(caught.value)
    assert caught.value.cancelled


@pytest.mark.parametrize(
    ("ending", "setting"),
    [
        ("idle-in-transaction timeout", "idle_in_transaction_session_timeout"),
        ("transaction timeout", "transaction_timeout"),
    ],
)
def test_other_time_limits_of_the_user_are_named(
    reader: str, run: Run, generations: Contract, ending: str, setting: str
) -> None:
    run(f"ALTER ROLE reader SET {setting} = '100ms'")
    state = PostgresSource(reader).now(generations)
    time.sleep(0.5)
    with pytest.raises(SourceError) as caught:
        state.rows_by_hour(HOUR)
    state.close()
    assert f"terminating connection due to {ending}" in str(caught.value)
    assert f"raise its {setting} for this user" in str(caught.value)


@pytest.fixture
def unchecked(server: EmbeddedPostgres, run: Run) -> Iterator[str]:
    """The URL of a database that takes any bytes for text."""
    run(
        "DROP DATABASE IF EXISTS unchecked",
        "CREATE DATABASE unchecked ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C'"
        " LC_CTYPE 'C' LOCALE_PROVIDER libc",
    )
    url = server.cluster.url("unchecked")
    init_source(url)
    yield url
    run("DROP DATABASE unchecked WITH (FORCE)")


def test_of_a_database_that_checks_no_text_the_rows_that_are_none_are_told(
    unchecked: str, generations: Contract
) -> None:
    with psycopg.connect(unchecked, autocommit=True, client_encoding="SQL_ASCII") as connection:
        for row in (
            ROW.format("ok1", "t", "'caf\\303\\251 \\360\\237\\230\\200'"),
            ROW.format("bad1", "t", "'caf\\351'"),
            ROW.format("bad2", "t", "'\\355\\240\\200'"),  # half of a surrogate pair
        ):
            connection.execute(row.replace("'c", "E'c").replace("'\\355", "E'\\355").encode())
        connection.execute(
            b"UPDATE generations SET techniques_applied = ARRAY[E'\\200'] WHERE event_id = 'bad2'"
        )

    rows = taken(unchecked, generations)

    told: dict[str, Any] = dict(rows.select("event_id", "_unreadable").iter_rows())
    assert told["ok1"] is None
    assert rows.filter(event_id="ok1")["model"].item() == "café 😀"
    assert json.loads(told["bad1"]) == {"model": "caf\\351"}
    assert json.loads(told["bad2"])["model"] == "\\355\\240\\200"
    assert "techniques_applied" in json.loads(told["bad2"])
    assert rows["model"].null_count() == 2


def test_text_that_has_no_unicode_is_told_with_its_encoding(
    server: EmbeddedPostgres, run: Run, generations: Contract
) -> None:
    run(
        "DROP DATABASE IF EXISTS cyrillic",
        "CREATE DATABASE cyrillic ENCODING 'WIN1253' TEMPLATE template0 LC_COLLATE 'C'"
        " LC_CTYPE 'C' LOCALE_PROVIDER libc",
    )
    url = server.cluster.url("cyrillic")
    try:
        init_source(url)
        with psycopg.connect(url, autocommit=True, client_encoding="WIN1253") as connection:
            connection.execute(ROW.format("odd", "t", "E'secret\\252'").encode())
        with pytest.raises(SourceError) as caught:
            taken(url, generations)
    finally:
        run("DROP DATABASE cyrillic WITH (FORCE)")
    assert "a character in encoding WIN1253 has no equivalent in UTF8" in str(caught.value)
    assert "correct the text at the source" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("char(36)", ""),
        ("varchar(36)", ""),
        ("uuid", ""),
        ("name", ""),
        ("key_text", "CREATE DOMAIN key_text AS varchar(36) CHECK (value <> '')"),
        ("key_fixed", "CREATE DOMAIN key_fixed AS char(40)"),
        ("key_id", f"CREATE TYPE key_id AS ENUM ('{'0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9'}')"),
    ],
)
def test_keys_of_any_type_are_found_again(
    database: str, run: Run, generations: Contract, kind: str, before: str
) -> None:
    key = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"
    init_source(database)
    if before:
        run(before)
    run(
        f"ALTER TABLE generations ALTER event_id TYPE {kind} USING event_id::{kind}",
        ROW.format(key, "t", "'m'"),
    )
    assert taken(database, generations)["event_id"].to_list() == [key]
    # Files bring keys that the table's type never could hold.
    keys = [{"event_id": name} for name in (key, "from-a-file", "x" * 100)]
    with PostgresSource(database).now(generations) as now:
        assert now.count_keys(json.dumps(keys)) == 1


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("smallint", "12"),
        ("int", "12"),
        ("bigint", "12"),
        ("numeric(20, 4)", "12.5"),
        ("real", "1e10"),
        ("float8", "1e20"),
    ],
)
def test_numbers_as_keys_are_found_again(
    database: str, run: Run, generations: Contract, kind: str, key: str
) -> None:
    """However they are written: PostgreSQL says 12.5000 and 1e+20."""
    wanted = "integer" if "int" in kind else "number"
    keyed = dataclasses.replace(
        generations,
        columns=tuple(
            dataclasses.replace(column, type=wanted) if column.name == "event_id" else column
            for column in generations.columns
        ),
    )
    init_source(database)
    run(
        f"ALTER TABLE generations ALTER event_id TYPE {kind} USING event_id::{kind}",
        ROW.format(key, "t", "'m'"),
    )
    with PostgresSource(database).now(keyed) as now:
        assert now.count_keys(json.dumps([{"event_id": key}, {"event_id": "4000000000"}])) == 1
