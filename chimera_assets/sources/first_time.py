"""The earliest time in a stream's table: no row is placed in an hour before it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import source_database
from chimera_assets.sources.mapping import inspect
from chimera_assets.sources.query import readable
from chimera_assets.sources.session import begin

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract


def first_time(url: str, contract: Contract, since: datetime, *, seconds: int) -> datetime | None:
    """The earliest event or arrival since a time; None if there is none.

    Args:
        url: The operational database.
        contract: The stream's.
        since: Earlier times are left out.
        seconds: How long the server may take.

    Raises:
        SourceError: The database or the table cannot be reached, or it takes longer.
        SourceSchemaError: The table does not fit the contract.
    """
    database = source_database(url)
    with database.connect() as connection:
        begin(connection, {"statement_timeout": f"{seconds}s"})
        table = inspect(connection, url, contract)
        names = [name for name in (contract.event_time, contract.arrival_time) if name]
        parts = " UNION ALL ".join(
            f"SELECT min({value}) AS moment FROM {table.quoted} "  # noqa: S608 - quoted there
            f"WHERE {value} >= $1::timestamptz"
            for value in (readable(table.columns[name], contract.column(name)) for name in names)
        )
        sql = f"SELECT min(moment) AS first FROM ({parts}) AS found"  # noqa: S608 - as above
        found = execute(connection, sql, [since.isoformat()])[0]["first"]
    return found.astimezone(UTC) if found is not None else None
