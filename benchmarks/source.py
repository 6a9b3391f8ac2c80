"""The operational database of a measure: the embedded server, filled by COPY."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import PROVIDERS, START, generations
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.database import connect
from chimera_assets.sources.schema import init_source

if TYPE_CHECKING:
    from datetime import datetime

#: Rows made and copied at a time.
_CHUNK = 500_000

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
        for name in PROVIDERS:
            execute(
                connection,
                "INSERT INTO providers (provider_id, provider_name, enabled, models)"
                " VALUES ($1, $1, true, '{}') ON CONFLICT DO NOTHING",
                [name],
            )
        made = generations(rows, hours=hours, start=start, first=first, bad=bad)
        made = made.with_columns(_SMALLER)
        for part in made.iter_slices(_CHUNK):
            cursor.adbc_ingest("generations", part.to_arrow(), mode="append")
        connection.commit()
    init_source(url)  # the indexes again
    with connect(url, autocommit=True) as connection:
        execute(connection, "ANALYZE generations")
        execute(connection, "CHECKPOINT")
    return url
