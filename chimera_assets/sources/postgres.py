"""The operational PostgreSQL database as a source: rows by the hour, streamed as Arrow batches.

The rows of an hour are those whose event time lies in it. A row whose event time is null, cannot
be represented (infinite, before year 1, after 9999) or is more than five minutes later than its
arrival is extracted in the hour it arrived in: it would be in no hour otherwise, or in one that is
yet to come. The contract's rules reject it there, so that it is reported and not lost. Rows that
are in no hour at all, or in one before the first, are counted; see `in_no_hour.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.sources.database import source_database
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.in_no_hour import rows_in_no_hour
from chimera_assets.sources.mapping import inspect
from chimera_assets.sources.session import begin
from chimera_assets.sources.source_state import SourceNow
from chimera_assets.sources.stream import no_rows

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.batch import Batch


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
        try:
            with self._database.connect() as connection:
                begin(connection)
                table = inspect(connection, self._database.url, contract)
        except SourceTableMissing:
            if not contract.optional_at_source:
                raise
            return [f"There is no table {contract.source_table}, which is optional: it is empty."]
        told = {
            "not in the contract, not extracted": table.further,
            "optional and not in the source, read as null": table.absent,
        }
        where = contract.source_table
        return [f"{where}: {what}: {', '.join(names)}" for what, names in told.items() if names]

    def extract_reference(self, contract: Contract, batch: Batch) -> pa.RecordBatchReader:
        """All rows of a reference table, as the source has them now; no hour columns.

        Of a table that is not there, and is optional, there are none.

        Raises:
            SourceError: The database or the table cannot be reached; also while the stream is read.
            SourceSchemaError: The table does not fit the contract.
        """
        try:
            return self.now(contract).rows(None, batch)
        except SourceTableMissing:
            if not contract.optional_at_source:
                raise
            return no_rows(contract, hourly=False)

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

    def rows_in_no_hour(self, contract: Contract, start: datetime) -> dict[str, int]:
        """Why -> how many rows of a stream's table no hour will ever take; see `in_no_hour.py`.

        Raises:
            SourceError: The database or the table cannot be reached.
            SourceSchemaError: The table does not fit the contract.
        """
        with self._database.connect() as connection:
            begin(connection)
            table = inspect(connection, self._database.url, contract)
            return rows_in_no_hour(connection, contract, table, start)
