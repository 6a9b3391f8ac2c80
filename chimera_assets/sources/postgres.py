"""The operational PostgreSQL database as a source: rows by the hour, streamed as Arrow batches.

The rows of an hour are those whose event time lies in it. A row whose event time is null, cannot
be represented (infinite, before year 1, after 9999) or is more than five minutes later than its
arrival is taken in the hour it arrived in: it would be in no hour otherwise, or in one that is yet
to come. The contract's rules reject it there, so that it is told and not lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chimera_assets.sources.catalogue import SourceTable, inspect
from chimera_assets.sources.connection import connect, execute, explained, open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adbc_driver_postgresql import dbapi

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.sources.batch import Batch

#: How much later than its arrival an event may seem: clocks differ that much.
AHEAD_MINUTES = 5

#: The column of raw tables with the original text of values that could not be represented.
UNREADABLE = pa.field("_unreadable", pa.string())

_HOUR_FIELDS = (pa.field("hour_partition", pa.date32()), pa.field("hour", pa.int32()))
_BATCH_FIELDS = (
    pa.field("_batch_id", pa.string()),
    pa.field("_ingested_at", pa.timestamp("us", tz="UTC")),
)

# One snapshot for the columns, the rows and whatever else is read.
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

# Rows come by COPY, which takes no parameters, so values reach the query as settings.
_SET = "SELECT set_config($1, $2, true)"
_FROM = "current_setting('chimera.from')::timestamptz"
_TO = "current_setting('chimera.to')::timestamptz"
_READABLE = "{0} >= '0001-01-01 00:00+00'::{1} AND {0} < '10000-01-01 00:00+00'::{1}"


class PostgresSource:
    """Rows of the operational database.

    Args:
        url: `postgresql://user:password@host:port/database`, or any other URL that libpq takes.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def verify(self, contract: Contract) -> list[str]:
        """What is worth knowing of the source table before it is read.

        Raises:
            SourceError: The database or the table cannot be reached.
            SourceSchemaError: The table does not fit the contract.
        """
        with connect(self._url) as connection:
            table = inspect(connection, self._url, contract)
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
        settings = {"chimera.from": hours.start.isoformat(), "chimera.to": hours.end.isoformat()}
        return self._reader(contract, batch, settings, _HOUR_FIELDS)

    def extract_reference(self, contract: Contract, batch: Batch) -> pa.RecordBatchReader:
        """All rows of a reference table, as the source has them now; no hour columns.

        Raises:
            SourceError: The database or the table cannot be reached; also while the stream is read.
            SourceSchemaError: The table does not fit the contract.
        """
        return self._reader(contract, batch, {}, ())

    def _reader(
        self,
        contract: Contract,
        batch: Batch,
        settings: Mapping[str, str],
        hour_fields: tuple[pa.Field, ...],
    ) -> pa.RecordBatchReader:
        schema = pa.schema([*contract.arrow_schema(), *hour_fields, *_BATCH_FIELDS, UNREADABLE])
        connection = open_connection(self._url)
        try:
            with explained(self._url):
                execute(connection, _SNAPSHOT)
                table = inspect(connection, self._url, contract)
                for name, value in settings.items():
                    execute(connection, _SET, [name, value])
        except BaseException:
            connection.close()
            raise
        query = _query(contract, table, hourly=bool(hour_fields))
        rows = self._rows(connection, query, contract, batch, schema)
        return pa.RecordBatchReader.from_batches(schema, rows)

    def _rows(
        self,
        connection: dbapi.Connection,
        query: str,
        contract: Contract,
        batch: Batch,
        schema: pa.Schema,
    ) -> Iterator[pa.RecordBatch]:
        try:
            with explained(self._url), connection.cursor() as cursor:
                cursor.execute(query)
                for rows in cursor.fetch_record_batch():
                    yield _complete(rows, contract, batch, schema)
        finally:
            connection.close()


def _query(contract: Contract, table: SourceTable, *, hourly: bool) -> str:
    """The rows of a contract; every name in it comes quoted from the server."""
    timed = {
        column.name: _READABLE.format(
            table.columns[column.name].quoted,
            "date" if column.type == "date" else "timestamptz",
        )
        for column in contract.columns
        if column.type in {"timestamp", "date"}
    }
    selected = [
        f"CASE WHEN {timed[column.name]} THEN {table.read_as(column)} END"
        if column.name in timed
        else table.read_as(column)
        for column in contract.columns
    ]
    where = f" WHERE {_placed(contract, table, timed)}" if hourly else ""
    return (
        f"SELECT {', '.join([*selected, _unreadable(table, timed)])} "  # noqa: S608 - see above
        f"FROM {table.quoted}{where}"
    )


def _unreadable(table: SourceTable, timed: Mapping[str, str]) -> str:
    """JSON of the values that cannot be represented; null, and cheap, for all other rows."""
    if not timed:
        return "NULL::text"
    odd = " OR ".join(f"NOT ({readable})" for readable in timed.values())
    columns = {name: table.columns[name] for name in timed}
    parts = " || ".join(
        f"CASE WHEN NOT ({readable}) "
        f"THEN jsonb_build_object({columns[name].literal}, {columns[name].quoted}::text) "
        "ELSE '{}' END"
        for name, readable in timed.items()
    )
    return f"CASE WHEN {odd} THEN ({parts})::text END"


def _placed(contract: Contract, table: SourceTable, timed: Mapping[str, str]) -> str:
    """Whether a row belongs to the hours; two index ranges, one on each of the two times."""
    if contract.event_time is None:
        msg = f"{contract.stream}: expected a contract with an event time, found none"
        raise ValueError(msg)
    event = table.columns[contract.event_time].quoted
    in_event_hours = f"{event} >= {_FROM} AND {event} < {_TO}"
    if contract.arrival_time is None:
        return in_event_hours
    arrival = table.columns[contract.arrival_time].quoted
    ahead = f"{event} > {arrival} + interval '{AHEAD_MINUTES} minutes'"
    misplaced = f"({event} IS NULL OR NOT ({timed[contract.event_time]}) OR {ahead})"
    return (
        f"({in_event_hours} AND ({ahead}) IS NOT TRUE) OR "
        f"({arrival} >= {_FROM} AND {arrival} < {_TO} AND {misplaced})"
    )


def _complete(
    rows: pa.RecordBatch, contract: Contract, batch: Batch, schema: pa.Schema
) -> pa.RecordBatch:
    """A batch in its final schema: its columns as they came, hour and lineage added."""
    columns = [rows.column(number) for number in range(len(contract.columns))]
    if "hour_partition" in schema.names:
        placed = _placed_at(dict(zip(contract.column_names, columns, strict=True)), contract)
        columns += [placed.cast(pa.date32()), pc.hour(placed)]
    lineage = [pa.scalar(batch.batch_id), pa.scalar(batch.ingested_at, _BATCH_FIELDS[1].type)]
    columns += [pa.repeat(value, rows.num_rows) for value in lineage]
    columns.append(rows.column(len(contract.columns)))
    typed = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(typed, schema=schema)


def _placed_at(columns: Mapping[str, pa.Array], contract: Contract) -> pa.Array:
    event = columns[contract.event_time or ""]
    if contract.arrival_time is None:
        return event
    arrival = columns[contract.arrival_time]
    latest = pc.add(arrival, pa.scalar(AHEAD_MINUTES * 60_000_000, pa.duration("us")))
    late = pc.fill_null(pc.greater(event, latest), fill_value=False)
    return pc.if_else(pc.or_(pc.is_null(event), late), arrival, event)
