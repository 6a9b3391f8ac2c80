"""What a source that does not fit costs its user: one line that says what to do."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from chimera_assets.cli import run as run_chimera
from chimera_assets.contracts import contracts as active_contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.hours import HourRange
from chimera_assets.packs import active_packs
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.connection import execute
from chimera_assets.settings import get_settings
from chimera_assets.sources import schema
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.database import connect, source_database
from chimera_assets.sources.errors import SourceError, SourceSchemaError, SourceTableMissing
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source
from tests.acting import as_login
from tests.packs.test_adapted_files import adapted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract

    Run = Callable[..., None]

HOUR = HourRange.single(datetime(2026, 1, 31, 5, tzinfo=UTC))
BATCH = Batch.new("generations", HOUR.end)


@contextmanager
def login(run: Run, name: str, password: str) -> Iterator[None]:
    """A login of the server, without any rights, for a while."""
    run(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    try:
        yield
    finally:
        run(f"DROP ROLE {name}")


@pytest.fixture
def generations(contracts: dict[str, Contract]) -> Contract:
    return contracts["generations"]


def test_every_column_that_does_not_fit_is_named_at_once(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(
        "ALTER TABLE generations DROP COLUMN provider",
        "ALTER TABLE generations ALTER tokens_used TYPE text",
        "ALTER TABLE generations ALTER timestamp TYPE timestamp",
    )
    source = PostgresSource(database)

    for attempt in (
        lambda: source.verify(generations),
        lambda: source.now(generations).rows(HOUR, BATCH),
    ):
        with pytest.raises(SourceSchemaError) as caught:
            attempt()

        reported = {m.column: (m.found, m.remedy) for m in caught.value.mismatches}
        assert set(reported) == {"provider", "tokens_used", "timestamp"}
        assert reported["provider"][0] == "no such column"
        assert reported["tokens_used"][0] == "text"
        assert "defaultTimezone: UTC" in reported["timestamp"][1]
        assert not caught.value.transient
        assert str(caught.value) == (
            f"table generations in {describe(database)}: does not fit the contract of generations "
            "in 3 columns (timestamp, provider, tokens_used): "
            "timestamp: expected timestamp (timestamp with time zone), found timestamp without "
            "time zone (say in which zone it is: logicalTypeOptions: {defaultTimezone: UTC}); "
            "provider: expected string (text or character varying or character or uuid or name or "
            "citext or json or jsonb), found no such column (add it); "
            "tokens_used: expected integer (smallint or integer or bigint), found text (change its "
            "type in the source); nothing was read; change the table, or point the contract at a "
            "view that fits"
        )
        assert (caught.value.table, caught.value.stream) == ("generations", "generations")


def test_one_column_that_does_not_fit_is_named_once(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run("ALTER TABLE generations DROP COLUMN provider")
    with pytest.raises(SourceSchemaError) as caught:
        PostgresSource(database).verify(generations)
    assert "does not fit the contract of generations: provider: expected" in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "no name at all!", "generations_timestamp", "a.b.c.d"])
def test_a_table_that_is_none(database: str, generations: Contract, name: str) -> None:
    init_source(database)
    contract = dataclasses.replace(generations, source_table=name)

    with pytest.raises(SourceTableMissing) as caught:
        PostgresSource(database).verify(contract)
    guess = " (did you mean generations?)" if name == "generations_timestamp" else ""
    assert str(caught.value) == (
        f"{describe(database)}: expected a table {name}, found none{guess}; make it with `chimera "
        "source init`, set CHIMERA_SOURCE_DATABASE_URL, correct physicalName in "
        f"{generations.path}, or switch the stream off by leaving it out of CHIMERA_STREAMS "
        "(docs/adapters.md)"
    )


def test_a_server_that_is_not_there_may_be_there_later(generations: Contract) -> None:
    source = PostgresSource("postgresql://ann:s3cret@127.0.0.1:1/operational")

    with pytest.raises(SourceError, match="Connection refused") as caught:
        source.verify(generations)

    assert caught.value.transient
    assert "ann@127.0.0.1:1/operational" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_password_stays_wrong_and_unsaid(
    database: str, run: Run, generations: Contract
) -> None:
    wrong = as_login(database, "ann", "wr%40ng-one")
    with (
        login(run, "ann", "right"),
        pytest.raises(SourceError, match="password authentication failed") as caught,
    ):
        PostgresSource(wrong).verify(generations)

    assert not caught.value.transient
    assert "wr@ng-one" not in str(caught.value)
    assert "wr%40ng-one" not in str(caught.value)


def test_a_database_or_user_that_is_none(database: str, generations: Contract) -> None:
    for wrong, remedy in (
        (database.replace("/story_", "/none_"), "the name of the database"),
        (as_login(database, "nobody_here", "x"), "user and password"),
    ):
        with pytest.raises(SourceError, match=remedy) as caught:
            PostgresSource(wrong).verify(generations)
        assert not caught.value.transient


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@db.example.com/x",
        "s3cret",
        "postgresql://ann:s3cret@db.example.com:port/x",
        "postgresql://ann:s3c@s3cret@db.example.com:port/x",
        "postgresql://ann:s3cret/@db.example.com/x",
        "postgresql://ann:12/s3cret@db.example.com/x",
        "postgresql://ann:12#s3cret@db.example.com/x",
        "postgresql://ann:s3cret[@db.example.com/x",
        "postgresql://ann@127.0.0.1:1/x?password=s3cret",
        "postgresql://ann:a b s3cret@127.0.0.1:1/x?bad=option",
    ],
)
def test_a_url_that_is_none_is_not_repeated(url: str, generations: Contract) -> None:
    with pytest.raises(SourceError) as caught:
        PostgresSource(url).verify(generations)

    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in describe(url)
    assert "CHIMERA_SOURCE_DATABASE_URL" in str(caught.value)


def test_a_password_that_is_a_word_does_not_mangle_what_the_server_says(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    with (
        login(run, "ann", "permission"),
        pytest.raises(SourceError, match="permission denied for table generations"),
    ):
        PostgresSource(as_login(database, "ann", "permission")).now(generations).rows(HOUR, BATCH)


def test_a_user_without_rights_is_reported_which(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    with (
        login(run, "reader", "reads"),
        pytest.raises(SourceError, match="grant the user SELECT"),
    ):
        PostgresSource(as_login(database, "reader", "reads")).now(generations).rows(HOUR, BATCH)


def test_a_connection_lost_half_way_may_be_tried_again(
    database: str, run: Run, generations: Contract
) -> None:
    init_source(database)
    run(
        "ALTER TABLE generations SET UNLOGGED",
        "INSERT INTO generations (event_id, timestamp, created_at, user_id)"
        " SELECT 'e' || i, '2026-01-31 05:10Z', '2026-01-31 05:10Z', repeat('u', 500)"
        " FROM generate_series(1, 200000) i",
    )
    reader = PostgresSource(database).now(generations).rows(HOUR, BATCH)
    reader.read_next_batch()
    with connect(database, autocommit=True) as connection:
        execute(
            connection,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    with pytest.raises(SourceError) as caught:
        reader.read_all()

    assert caught.value.transient
    assert "\n" not in str(caught.value)


def test_a_stream_without_any_time_is_refused(database: str, generations: Contract) -> None:
    init_source(database)
    contract = dataclasses.replace(generations, event_time=None)

    with pytest.raises(SourceError, match="event's time"):
        PostgresSource(database).now(contract).rows(HOUR, BATCH)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("person::int", "invalid input syntax for type integer; the value is not shown"),
        ("person::json", "invalid input syntax for type json; the value is not shown"),
        ("complain(person)", "the server's message may quote values of rows and is not shown"),
    ],
)
def test_a_view_that_stumbles_upon_a_value_does_not_say_it(
    database: str, run: Run, expression: str, said: str
) -> None:
    run(
        "CREATE FUNCTION complain(x text) RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'who is %?', x; END $$",
        "CREATE TABLE people (person text PRIMARY KEY)",
        "INSERT INTO people VALUES ('zq7marker')",
        f"CREATE VIEW numbers AS SELECT {expression} AS n FROM people",  # noqa: S608
    )
    with connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM numbers")
        rows = cursor.fetch_record_batch()
        with pytest.raises(SourceError) as caught, source_database(database).explained_stream():
            rows.read_next_batch()
    assert said in str(caught.value)
    assert "zq7marker" not in str(caught.value)


def test_a_row_that_breaks_a_constraint_is_not_said(run: Run) -> None:
    run("CREATE TABLE people (person text PRIMARY KEY)")
    insert = "INSERT INTO people VALUES ('zq7marker')"
    run(insert)
    with pytest.raises(SourceError, match="unique constraint") as caught:
        run(insert)
    assert "zq7marker" not in str(caught.value)


def test_a_missing_table_is_made_by_who_describes_it(database: str, generations: Contract) -> None:
    own = dataclasses.replace(generations, stream="visits", source_table="visits")
    source = PostgresSource(database)

    with pytest.raises(SourceError, match=r"none; make it with `chimera source init`"):
        source.verify(generations)
    with pytest.raises(SourceError, match=r"a table visits, found none.*make it yourself.*land"):
        source.verify(own)


def test_a_missing_table_of_an_adapter_is_named_where_the_adapter_names_it(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    adapter = SHIPPED_PACKS / "ai" / "adapters" / "litellm.yaml"
    line = adapter.read_text().splitlines().index("table: '\"LiteLLM_SpendLogs\"'") + 1
    caches = (get_settings, active_packs, active_contracts)
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", database)
    monkeypatch.setenv("CHIMERA_ADAPTERS", "litellm")
    monkeypatch.setenv("CHIMERA_STREAMS", "generations")
    for cached in caches:
        cached.cache_clear()

    code = run_chimera(["contract", "check", "--source"])

    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()
    (said,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("error")]
    assert code == 1
    assert said.startswith(f"error: {adapter}:{line}: table: expected a table ")
    assert f"litellm writes to, set CHIMERA_SOURCE_DATABASE_URL, correct table in {adapter}" in said
    assert "leaving it out of CHIMERA_STREAMS (docs/adapters.md)" in said

    with pytest.raises(SourceTableMissing, match="land the files that garak writes"):
        PostgresSource(database).verify(adapted("garak"))


def test_a_statement_that_the_database_refuses_is_named_by_its_line_and_nothing_is_made(
    database: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "source.sql"
    script.write_text(
        "CREATE TABLE IF NOT EXISTS visits (id text);\n\n"
        "CREATE INDEX IF NOT EXISTS visits_at ON visits (at);\n"
    )
    monkeypatch.setattr(schema, "active_packs", lambda: [SimpleNamespace(source_ddl=script)])

    with pytest.raises(ChimeraError) as refused:
        init_source(database)

    assert str(refused.value).startswith(f"{script}:3: ")
    assert 'column "at" does not exist' in str(refused.value)
    run("CREATE TABLE visits ()")  # there is none yet
