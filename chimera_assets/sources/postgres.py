"""The operational PostgreSQL database as a source: rows by the hour, streamed as Arrow batches.

The rows of an hour are those whose event time lies in it. A row whose event time is null, cannot
be represented (infinite, before year 1, after 9999) or is more than five minutes later than its
arrival is extracted in the hour it arrived in: it would be in no hour otherwise, or in one that is
yet to come. The contract's rules reject it there, so that it is reported and not lost. `status`
counts the rows that have neither time and so are in no hour at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.catalogue import inspect
from chimera_assets.sources.database import source_database
from chimera_assets.sources.query import (
    in_no_hour,
)
from chimera_assets.sources.source_state import SNAPSHOT, SourceNow

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.batch import Batch

_SIZE = """
    SELECT reltuples::int8 AS estimate, pg_table_size(oid) AS bytes
    FROM pg_class WHERE oid = to_regclass($1)
"""
#: Larger tables are not counted: their size is the estimate of the last ANALYZE.
_COUNTED_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source table stands.

    Attributes:
        table: Its name in the contract.
        rows: How many rows it has.
        estimated: Whether that is the server's estimate (large tables, views of foreign data).
        last_arrival: The newest arrival (or event, where the contract names no arrival).
        in_no_hour: Rows without any readable time, which belong to no hour.
    """

    table: str
    rows: int
    estimated: bool
    last_arrival: datetime | None
    in_no_hour: int


class PostgresSource:
    """Rows of the operational database.

    Args:
        url: `postgresql://user:password@host:port/database`, or any other URL that libpq accepts.
    """

    def __init__(self, url: str) -> None:
        self._database = source_database(url)

    def verify(self, contract: Contract) -> list[str]:
        """What is worth knowing of the source table before it is read.

        Raises:
            SourceError: The database or the table cannot be reached.
            SourceSchemaError: The table does not fit the contract.
        """
        with self._database.connect() as connection:
            table = inspect(connection, self._database.url, contract)
        further = sorted(set(table.columns) - set(contract.column_names))
        if not further:
            return []
        return [
            f"{contract.source_table}: not in the contract, not extracted: {', '.join(further)}"
        ]

    def extract_reference(self, contract: Contract, batch: Batch) -> pa.RecordBatchReader:
        """All rows of a reference table, as the source has them now; no hour columns.

        Raises:
            SourceError: The database or the table cannot be reached; also while the stream is read.
            SourceSchemaError: The table does not fit the contract.
        """
        return self.now(contract).rows(None, batch)

    def now(self, contract: Contract, *, seconds: int | None = None) -> SourceNow:
        """One state of a contract's table, held until it is closed or its rows are read.

        Args:
            contract: What is asked about.
            seconds: How long the server may take for an answer.

        Raises:
            SourceError: The database or the table cannot be reached.
            SourceSchemaError: The table does not fit the contract.
        """
        return SourceNow(self._database, contract, seconds)

    def status(self, contract: Contract) -> SourceStatus:
        """Rows and newest arrival of a contract's table; cheap, also where the table is large.

        Raises:
            SourceError: The database or the table cannot be reached.
            SourceSchemaError: The table does not fit the contract.
        """
        with self._database.connect() as connection:
            execute(connection, SNAPSHOT)
            table = inspect(connection, self._database.url, contract)
            (size,) = execute(connection, _SIZE, [contract.source_table])
            estimated = size["bytes"] > _COUNTED_BYTES and size["estimate"] >= 0
            rows = size["estimate"]
            if not estimated:
                count = f"SELECT count(*) AS rows FROM {table.quoted}"  # noqa: S608 - quoted there
                rows = execute(connection, count)[0]["rows"]
            newest, lost = None, 0
            if name := contract.arrival_time or contract.event_time:
                column = table.columns[name].quoted
                times = (
                    f"SELECT (SELECT max({column}) FROM {table.quoted} "  # noqa: S608 - as above
                    f"WHERE {column} < '10000-01-01 00:00+00') AS newest, "
                    f"(SELECT count(*) FROM {table.quoted} "
                    f"WHERE {in_no_hour(contract, table)}) AS lost"
                )
                newest, lost = execute(connection, times)[0].values()
        return SourceStatus(contract.source_table, rows, estimated, newest, lost)
