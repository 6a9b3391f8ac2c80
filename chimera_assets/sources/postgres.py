"""The operational PostgreSQL database as a source: rows by the hour, streamed as Arrow batches.

The rows of an hour are those whose event time lies in it. A row whose event time is null, cannot
be represented (infinite, before year 1, after 9999) or is more than five minutes later than its
arrival is taken in the hour it arrived in: it would be in no hour otherwise, or in one that is yet
to come. The contract's rules reject it there, so that it is told and not lost. `status` counts the
rows that have neither time and so are in no hour at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from chimera_assets.postgres.connection import execute
from chimera_assets.sources import arrivals
from chimera_assets.sources.catalogue import inspect
from chimera_assets.sources.database import source_database
from chimera_assets.sources.query import (
    FROM_SETTING,
    TO_SETTING,
    in_hours,
    in_no_hour,
    placed_hour,
    query,
)
from chimera_assets.sources.stream import RowStream, stream_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.postgres.connection import Database
    from chimera_assets.sources.arrivals import Arrivals, Look, Moment
    from chimera_assets.sources.batch import Batch

# One snapshot for the columns and the rows.
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SET = "SELECT set_config($1, $2, true)"
#: Whatever the server's or the user's settings, texts come out the same.
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "client_encoding": "UTF8",
    "jit": "off",  # compiling takes longer than most hours
}

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
        in_no_hour: Rows without any readable time, which no hour can take.
    """

    table: str
    rows: int
    estimated: bool
    last_arrival: datetime | None
    in_no_hour: int


class PostgresSource:
    """Rows of the operational database.

    Args:
        url: `postgresql://user:password@host:port/database`, or any other URL that libpq takes.
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
        return [f"{contract.source_table}: not in the contract, not taken: {', '.join(further)}"]

    def extract_hours(
        self, contract: Contract, hours: HourRange, batch: Batch
    ) -> pa.RecordBatchReader:
        """The rows of some hours, as the source has them now.

        Returns:
            A stream of the contract's columns, hour_partition, hour, _batch_id, _ingested_at and
            _unreadable, in the order in which the database gives them.

        Raises:
            SourceError: The database or the table cannot be reached; also while the stream is read.
            SourceSchemaError: The table does not fit the contract.
        """
        return self.now(contract).rows(hours, batch)

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
            execute(connection, _SNAPSHOT)
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


class SourceNow:
    """A contract's table at one moment: all that is asked of it is answered from one snapshot.

    Args:
        database: The database.
        contract: What the table is of.
        seconds: How long the server may take for an answer; None for what it allows itself.
    """

    def __init__(self, database: Database, contract: Contract, seconds: int | None = None) -> None:
        self._database, self._contract = database, contract
        limits = {"statement_timeout": f"{seconds}s"} if seconds is not None else {}
        self._connection = database.open()
        try:
            with database.explained():
                self._server = arrivals.server_of(self._connection)
                execute(self._connection, _SNAPSHOT)
                for name, value in (_SESSION | limits).items():
                    execute(self._connection, _SET, [name, value])
                self._table = inspect(self._connection, database.url, contract)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        """The state itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        self.close()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    @cached_property
    def look(self) -> Look:
        """Where this state stands among others."""
        with self._database.explained():
            return arrivals.look(self._connection, self._contract, self._server)

    def arrivals(self, since: Moment | None, hours: HourRange) -> Arrivals:
        """What arrived since a moment, by hour; see `arrivals.py`.

        Raises:
            SourceError: The database fails, or takes longer than it may.
        """
        with self._database.explained():
            return arrivals.arrivals(
                self._connection, self._contract, self._table, self.look, since, hours
            )

    def arrived_keys(
        self, found: Arrivals, hours: Iterable[datetime], before: datetime | None
    ) -> Iterator[pa.RecordBatch]:
        """The hour (`_placed`) and the key of rows that arrived.

        Args:
            found: What arrived.
            hours: Every such row of these hours is given.
            before: And every one, of any hour, that says it arrived before this time.
        """
        rows = arrivals.arrived(self._contract, self._table, self.look, found, self._key_columns())
        names = ", ".join(self._table.columns[name].quoted for name in self._contract.key)
        sql = (
            f"SELECT _placed, {names} FROM ({rows}) AS arrived "  # noqa: S608
            "WHERE _placed = ANY(string_to_array($1, ' ')::timestamptz[]) "
            "OR _arrived < $2::timestamptz"
        )
        listed = " ".join(hour.isoformat() for hour in hours)
        limit = before.isoformat() if before is not None else "-infinity"
        return self._streamed(sql, [listed, limit])

    def keys(self, hours: HourRange) -> Iterator[pa.RecordBatch]:
        """The hour (`_placed`) and the key of every row of some hours."""
        placed = placed_hour(self._contract, self._table)
        return self._streamed(
            f"SELECT {placed} AS _placed{self._key_columns()} "  # noqa: S608
            f"FROM {self._table.quoted} WHERE {self._in_hours(hours)}"
        )

    def _streamed(self, sql: str, parameters: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        with self._database.explained(), self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            yield from cursor.fetch_record_batch()

    def _key_columns(self) -> str:
        """The key's columns, each with a comma before it, as they are read."""
        columns = [(self._table.columns[name], name) for name in self._contract.key]
        return "".join(
            f", {column.read_as(self._contract.column(name).type)} AS {column.quoted}"
            for column, name in columns
        )

    def rows_by_hour(self, hours: HourRange) -> dict[datetime, int]:
        """How many rows the source has of each of these hours; 0 for one without any."""
        placed = placed_hour(self._contract, self._table)
        condition = self._in_hours(hours)
        sql = (
            f"SELECT {placed} AS hour, count(*) AS rows FROM {self._table.quoted} "  # noqa: S608
            f"WHERE {condition} GROUP BY 1"
        )
        with self._database.explained():
            found = execute(self._connection, sql)
        return dict.fromkeys(hours, 0) | {row["hour"].astimezone(UTC): row["rows"] for row in found}

    def count_keys(self, keys: str) -> int:
        """How many of some keys the source has, in whatever hour.

        Args:
            keys: A JSON array of objects, each with the key columns as texts.
        """
        columns = [self._table.columns[name] for name in self._contract.key]
        typed = ", ".join(f"{column.quoted} {column.type}" for column in columns)
        same = " AND ".join(f"own.{column.quoted} = given.{column.quoted}" for column in columns)
        sql = (
            f"SELECT count(*) AS found FROM jsonb_to_recordset($1::jsonb) AS given ({typed}) "  # noqa: S608
            f"WHERE EXISTS (SELECT FROM {self._table.quoted} AS own WHERE {same})"
        )
        with self._database.explained():
            return int(execute(self._connection, sql, [keys])[0]["found"])

    def rows(self, hours: HourRange | None, batch: Batch) -> pa.RecordBatchReader:
        """The rows of some hours, or all of a reference table; the reader closes this state."""
        schema = stream_schema(self._contract, hourly=hours is not None)
        try:
            if hours is not None:
                self._in_hours(hours)
            sql = query(self._contract, self._table, hourly=hours is not None)
            rows = RowStream(
                self._database,
                self._connection,
                sql,
                contract=self._contract,
                batch=batch,
                schema=schema,
            )
        except BaseException:
            self.close()
            raise
        return pa.RecordBatchReader.from_batches(schema, rows)

    def _in_hours(self, hours: HourRange) -> str:
        """The condition that a row is of these hours, once the session knows them."""
        bounds = {FROM_SETTING: hours.start.isoformat(), TO_SETTING: hours.end.isoformat()}
        with self._database.explained():
            for name, value in bounds.items():
                execute(self._connection, _SET, [name, value])
        return in_hours(self._contract, self._table)
