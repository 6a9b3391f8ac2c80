"""One state of a source table: all that is asked of it is answered from one snapshot."""

from __future__ import annotations

from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, Self

import polars as pl
import pyarrow as pa

from chimera_assets.postgres.connection import execute
from chimera_assets.sources import arrivals, key_match
from chimera_assets.sources.catalogue import identifier
from chimera_assets.sources.hour_sums import comparable, source_sums
from chimera_assets.sources.mapping import inspect
from chimera_assets.sources.query import (
    FROM_SETTING,
    TO_SETTING,
    in_hours,
    placed_hour,
    query,
    readable,
)
from chimera_assets.sources.session import begin, configure
from chimera_assets.sources.stream import RowStream, stream_schema
from chimera_assets.sources.text_values import in_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.postgres.connection import Database
    from chimera_assets.sources.arrivals import Arrivals, Look, Moment
    from chimera_assets.sources.batch import Batch


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
                begin(self._connection, limits)
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
            return arrivals.look(self._connection, self._table, self._server)

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
            f", {readable(column, self._contract.column(name))} AS {column.quoted}"
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

    def comparable(self) -> list[Column]:
        """The columns of which `sums` can tell."""
        return comparable(self._contract, self._table)

    def sums(
        self, hours: HourRange, columns: Sequence[Column]
    ) -> dict[datetime, dict[str, str | None]]:
        """What the rows of each of these hours come to in some of the comparable columns.

        Hours without rows are left out; see `hour_sums.py` for the names.
        """
        placed, condition = placed_hour(self._contract, self._table), self._in_hours(hours)
        sql = (
            f"SELECT {placed} AS hour, {source_sums(self._contract, self._table, columns)} "  # noqa: S608
            f"FROM {self._table.quoted} WHERE {condition} GROUP BY 1"
        )
        with self._database.explained():
            found = execute(self._connection, sql)
        return {row.pop("hour").astimezone(UTC): row for row in found}

    def values(self, hours: HourRange, names: Sequence[str]) -> pl.DataFrame:
        """Columns of the contract, of all rows of some hours, in the contract's types."""
        columns = [self._contract.column(name) for name in names]
        selected = ", ".join(
            f"{readable(self._table.columns[column.name], column)} AS {identifier(column.name)}"
            for column in columns
        )
        sql = f"SELECT {selected} FROM {self._table.quoted} WHERE {self._in_hours(hours)}"  # noqa: S608
        schema = pl.Schema({column.name: column.polars_type for column in columns})
        parts = [pl.DataFrame(batch) for batch in self._streamed(sql)]
        typed = [
            part.select(in_type(column, part[column.name]).alias(column.name) for column in columns)
            for part in parts
        ]
        return pl.concat([pl.DataFrame(schema=schema), *typed])

    def placed(self, key: str) -> list[datetime]:
        """The hours in which the source has rows of a key; an index on the key serves.

        Args:
            key: A JSON array of one object, with the key columns as texts.
        """
        hour = placed_hour(self._contract, self._table)
        given, own, same = self._matching()
        sql = (
            f"SELECT DISTINCT placed AS hour FROM jsonb_to_recordset($1::jsonb) AS given ({given}) "  # noqa: S608
            f"JOIN (SELECT {own}, {hour} AS placed FROM {self._table.quoted}) AS own ON {same} "
            "WHERE isfinite(placed) ORDER BY 1"
        )
        with self._database.explained():
            found = execute(self._connection, sql, [key])
        return [row["hour"].astimezone(UTC) for row in found]

    def count_keys(self, keys: str) -> int:
        """How many of some keys the source has, in whatever hour.

        Args:
            keys: A JSON array of objects, each with the key columns as texts.
        """
        given, own, same = self._matching()
        sql = (
            f"SELECT count(*) AS found FROM jsonb_to_recordset($1::jsonb) AS given ({given}) "  # noqa: S608
            f"WHERE EXISTS (SELECT FROM (SELECT {own} FROM {self._table.quoted}) AS own "
            f"WHERE {same})"
        )
        with self._database.explained():
            return int(execute(self._connection, sql, [keys])[0]["found"])

    def _matching(self) -> tuple[str, str, str]:
        """Key columns as they are given, as the table has them, and that both are the same."""
        columns = [self._table.columns[name] for name in self._contract.key]
        given = ", ".join(f"{column.quoted} {key_match.given_as(column)}" for column in columns)
        own = ", ".join(f"{column.sql} AS {column.quoted}" for column in columns)
        same = " AND ".join(
            key_match.equal(self._table.columns[name], self._contract.column(name))
            for name in self._contract.key
        )
        return given, own, same

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
                configure(self._connection, name, value)
        return in_hours(self._contract, self._table)
