"""The operational database of a measure: the embedded server, filled by COPY."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import PROVIDERS, START, generations, jailbreak_tests
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.database import connect
from chimera_assets.sources.schema import init_source

if TYPE_CHECKING:
    from datetime import datetime

    from adbc_driver_postgresql import dbapi

#: Rows made and copied at a time.
_CHUNK, _WIDE_CHUNK = 500_000, 500

_SMALLER = [
    pl.col(name).cast(pl.Int32) for name in ("prompt_length", "response_length", "tokens_used")
]


def filled(
    rows: int, *, hours: int = 1, start: datetime = START, first: int = 0, bad: float = 0.003
) -> str:
    """The URL of a database with so many generations, evenly over the hours, and the providers.

    It may be filled again, with rows of another `first` number.
    """
    url = source_database_url(get_settings())
    init_source(url)
    with connect(url) as connection, connection.cursor() as cursor:
        for index in ("timestamp", "created_at"):
            execute(connection, f"DROP INDEX IF EXISTS generations_{index}")
        _add_providers(connection)
        made = generations(rows, hours=hours, start=start, first=first, bad=bad)
        made = made.with_columns(_SMALLER)
        for part in made.iter_slices(_CHUNK):
            cursor.adbc_ingest("generations", part.to_arrow(), mode="append")
        connection.commit()
    init_source(url)  # the indexes again
    _settle(url, "generations")
    return url


def loaded(rows: pl.DataFrame) -> str:
    """The URL of a database with these generations."""
    url = source_database_url(get_settings())
    init_source(url)
    with connect(url) as connection, connection.cursor() as cursor:
        _add_providers(connection)
        cursor.adbc_ingest("generations", rows.with_columns(_SMALLER).to_arrow(), mode="append")
        connection.commit()
    _settle(url, "generations")
    return url


def filled_with_wide(rows: int, *, start: datetime = START) -> str:
    """The URL of a database with an hour of so many rows, each with a prompt of 100 kB."""
    url = source_database_url(get_settings())
    init_source(url)
    with connect(url) as connection, connection.cursor() as cursor:
        _add_providers(connection)
        for first in range(0, rows, _WIDE_CHUNK):
            part = jailbreak_tests(min(_WIDE_CHUNK, rows - first), first=first, start=start)
            cursor.adbc_ingest("jailbreak_tests", part.to_arrow(), mode="append")
        connection.commit()
    _settle(url, "jailbreak_tests")
    return url


def _add_providers(connection: dbapi.Connection) -> None:
    for name in PROVIDERS:
        execute(
            connection,
            "INSERT INTO providers (provider_id, provider_name, enabled, models)"
            " VALUES ($1, $1, true, '{}') ON CONFLICT DO NOTHING",
            [name],
        )


def _settle(url: str, table: str) -> None:
    with connect(url, autocommit=True) as connection:
        execute(connection, f"ANALYZE {table}")
        execute(connection, "CHECKPOINT")
