"""Loading rows into a table by COPY, leaving out those that are there, and what has no place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.catalogue import find_table

if TYPE_CHECKING:
    import polars as pl

    from chimera_assets.postgres.connection import Connection

_INCOMING = "chimera_incoming"


def load(connection: Connection, table: str, rows: pl.DataFrame) -> int:
    """Add the rows whose key is not there yet; part of the caller's transaction.

    Columns that the table does not have are left out: `require_places` has refused those that must
    be there. So is a table that is not there.

    Args:
        connection: To a database that has the operational tables.
        table: One of the operational tables, written as in SQL.
        rows: Their columns. What is a list there is a text here, joined by commas:
            cheaper than Arrow lists, and enough.

    Returns:
        How many rows were added.
    """
    found = find_table(connection, table)
    if found is None:
        return 0
    rows = rows.select(name for name in rows.columns if name in found.columns)
    lists = {column.name for column in found.columns.values() if column.type.endswith("[]")}
    with connection.cursor() as cursor:
        cursor.adbc_ingest(_INCOMING, rows.to_arrow(), mode="create", temporary=True)
    quoted = {name: f'"{name}"' for name in rows.columns}
    names = ", ".join(quoted.values())
    values = ", ".join(
        f"string_to_array({as_sql}, ',')" if name in lists else as_sql
        for name, as_sql in quoted.items()
    )
    added = execute(
        connection,
        f"WITH added AS (INSERT INTO {found.quoted} ({names}) "  # noqa: S608 - names without quotes
        f"SELECT {values} FROM {_INCOMING} ON CONFLICT DO NOTHING RETURNING 1) "
        "SELECT count(*) AS rows FROM added",
    )
    execute(connection, f"DROP TABLE {_INCOMING}")
    return int(added[0]["rows"])
