"""Connections share what is known of the server's types, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa
import pytest

from chimera_assets.postgres import known_types
from chimera_assets.postgres.connection import Database, execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.postgres.errors import DatabaseError
from tests.acting import as_login

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home") / "pg")
    with psycopg.connect(server.url("operational"), autocommit=True) as owner:
        owner.execute("CREATE DATABASE story")  # where a login may connect unasked
    yield server.cluster.url("story")
    server.release()


def test_a_type_that_is_made_or_dropped_meanwhile_is_known(url: str) -> None:
    database = Database(url)
    for values in ("'calm', 'glad'", "'glad', 'sad'"):
        with database.connect(autocommit=True) as connection:
            execute(connection, f"CREATE TYPE mood AS ENUM ({values})")
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 'glad'::mood AS mood")
            rows = cursor.fetch_arrow_table()
            assert rows.schema.field("mood").type == pa.string()
            assert rows.to_pylist() == [{"mood": "glad"}]
        with database.connect(autocommit=True) as connection:
            execute(connection, "DROP TYPE mood")


def test_no_session_is_left_and_each_logs_in_for_itself(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-1'")
        reader = Database(as_login(url, "reader", "reader-1"))
        for autocommit in (False, True):
            with reader.connect(autocommit=autocommit) as connection:
                assert execute(connection, "SELECT 1 AS one") == [{"one": 1}]
        left = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"
        assert owner.execute(left).fetchone() == (0,)

        owner.execute("ALTER ROLE reader PASSWORD 'reader-2'")
        with pytest.raises(DatabaseError, match="password"):
            reader.open()


def test_few_databases_are_kept(url: str) -> None:
    held = Database(url).open()
    others = [f"{url}{'&' if '?' in url else '?'}application_name=a{i}" for i in range(6)]
    for other in others:
        Database(other).open().close()
    assert len(known_types._learned) == known_types._MOST
    with held, held.cursor() as cursor:  # its database is no longer kept, but still works
        cursor.execute("SELECT 'x'::text AS x")
        assert cursor.fetch_arrow_table().to_pylist() == [{"x": "x"}]
