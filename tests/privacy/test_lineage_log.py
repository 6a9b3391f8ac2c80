"""The lineage of a model is in the lake before its rows are, once for each version of its SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from chimera_assets.lake import Lake
from chimera_assets.privacy.origins import origins
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.warehouse.lineage_log import LineageLog, ModelSql, current_lineage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.privacy.origins import ModelLineage

FACT = ("marts", "fact_users")


class View:
    """A view as dbt names it."""

    schema, identifier = "staging", "stg_users"


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema staged; create schema staging")
        connection.execute("create table staged.users (user_id text, provider text, hour int)")
        connection.execute("create view staging.stg_users as select * from staged.users")
        yield connection


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def request(sql: str, file: str = "f") -> dict[str, Any]:
    return {"file": file, "sql": sql, "columns": ["user_id", "provider", "hour"]}


def keep(
    lake: Lake, cursor: duckdb.DuckDBPyConnection, sql: str, *, log: LineageLog | None = None
) -> dict[str, ModelLineage]:
    """Keep the lineage of `fact_users`; gives its versions as any reader of the lake has them."""
    schema = pa.schema([(name, pa.string()) for name in ("provider",)])
    log = log or LineageLog(lake)
    log.keep_table(cursor, lake.table(*FACT), request(sql), schema)
    return column_lineages(Lake(lake.uri))[FACT]


def test_views_are_written_with_the_first_table_after_them(
    lake: Lake, cursor: duckdb.DuckDBPyConnection
) -> None:
    log = LineageLog(lake)
    log.note_view(cursor, View(), request("select * from staged.users"))
    assert column_lineages(lake) == {}
    keep(lake, cursor, "select user_id as provider from staging.stg_users", log=log)
    found = origins(column_lineages(lake), *FACT, "provider")
    assert found.known
    assert found.columns == {("users", "user_id")}
    assert current_lineage(*FACT) == column_lineages(lake)[FACT].popitem()[1]


def test_an_hour_is_no_version_and_another_branch_of_a_file_is_one(
    lake: Lake, cursor: duckdb.DuckDBPyConnection
) -> None:
    first = "select provider from staged.users where hour = 5 and provider < '2026-01-31'"
    keep(lake, cursor, first)
    table = lake.table("quality", "column_lineage")
    version = table.version()
    assert len(keep(lake, cursor, first.replace("5", "23").replace("31", "30"))) == 1
    assert table.version() == version
    # dbt's checksum of the file is the same: `{% if run_hours() is none %}`.
    assert len(keep(lake, cursor, first.replace("select", "select user_id as"))) == 2
    assert origins(column_lineages(lake), *FACT, "provider").columns >= {("users", "user_id")}


@pytest.mark.parametrize(
    "sql",
    [
        "-- it's\nselect provider as provider -- it's\nfrom staged.users",
        'select "provider" as provider, 1 as "it\'s", 2 as "it\'s, too" from staged.users',
        "/* /* */ ' */ select provider as provider /* ' */ from staged.users",
        "select $$'$$ as a, provider as provider, $$'$$ as b from staged.users",
        "select e'\\'' as a, provider as provider, e'\\'' as b from staged.users",
    ],
)
def test_what_stands_between_two_quotes_is_not_always_a_literal(sql: str) -> None:
    def version(text: str) -> str:
        return ModelSql(FACT, "the file", text, ()).version

    assert version(sql) != version(
        sql.replace("provider as", "user_id as").replace('"provider" as', '"user_id" as')
    )


def test_columns_that_come_to_a_stream_make_a_version(
    lake: Lake, cursor: duckdb.DuckDBPyConnection
) -> None:
    sql = "select * from staged.users"
    (before,) = keep(lake, cursor, sql).values()
    log = LineageLog(lake)
    schema = pa.schema([("provider", pa.string()), ("region", pa.string())])
    cursor.execute("alter table staged.users add column region text")
    log.keep_table(cursor, lake.table(*FACT), request(sql), schema)
    assert set(before.columns) == {"provider"}
    found = origins(column_lineages(lake), *FACT, "region")
    assert (found.known, found.columns) == (True, {("users", "region")})


def test_tables_that_nobody_declared_are_known_as_read(
    lake: Lake, cursor: duckdb.DuckDBPyConnection
) -> None:
    keep(lake, cursor, "select columns('user.*') as provider from staged.users")
    assert origins(column_lineages(lake), *FACT, "provider").streams == {"users"}
