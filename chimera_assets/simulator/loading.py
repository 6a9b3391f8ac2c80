"""Taking rows into a table by COPY, leaving those out that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute

if TYPE_CHECKING:
    import polars as pl

    from chimera_assets.postgres.connection import Connection

_INCOMING = "chimera_incoming"
#: Columns that are lists, here texts joined by commas: cheaper than Arrow lists, and enough.
_LISTS = frozenset({"techniques_applied", "models"})


def load(connection: Connection, table: str, rows: pl.DataFrame) -> int:
    """Add the rows whose key is not there yet; part of the caller's transaction.

    Args:
        connection: To a database that has the operational tables.
        table: One of the operational tables.
        rows: Columns named as in the table.

    Returns:
        How many rows were added.
    """
    with connection.cursor() as cursor:
        cursor.adbc_ingest(_INCOMING, rows.to_arrow(), mode="create", temporary=True)
    names = ", ".join(rows.columns)
    values = ", ".join(
        f"string_to_array({name}, ',')" if name in _LISTS else name for name in rows.columns
    )
    added = execute(
        connection,
        f"WITH added AS (INSERT INTO {table} ({names}) "  # noqa: S608 - all names are our own
        f"SELECT {values} FROM {_INCOMING} ON CONFLICT DO NOTHING RETURNING 1) "
        "SELECT count(*) AS rows FROM added",
    )
    execute(connection, f"DROP TABLE {_INCOMING}")
    return int(added[0]["rows"])
