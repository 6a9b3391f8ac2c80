"""The rows of one query as Arrow batches, completed with hour and lineage while they stream."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import polars as pl
import pyarrow as pa

from chimera_assets.hour_columns import HOUR_FIELDS, arrow_hour_columns
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.placement import placed_arrow
from chimera_assets.sources.text_values import read_texts
from chimera_assets.sources.unread_texts import with_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adbc_driver_postgresql import dbapi

    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.connection import Database
    from chimera_assets.sources.batch import Batch

#: The column of raw tables with the original text of values that could not be represented.
UNREADABLE = pa.field("_unreadable", pa.string())

BATCH_FIELDS = (
    pa.field("_batch_id", pa.string()),
    pa.field("_ingested_at", pa.timestamp("us", tz="UTC")),
)


def stream_schema(contract: Contract, *, hourly: bool) -> pa.Schema:
    """The contract's columns, the hour for hourly streams, lineage and `_unreadable`."""
    hour_fields = HOUR_FIELDS if hourly else ()
    return pa.schema([*contract.arrow_schema(), *hour_fields, *BATCH_FIELDS, UNREADABLE])


def no_rows(contract: Contract, *, hourly: bool) -> pa.RecordBatchReader:
    """What a table that the source need not have holds."""
    return pa.RecordBatchReader.from_batches(stream_schema(contract, hourly=hourly), [])


class RowStream:
    """An iterator of record batches that owns its connection and closes it at the end.

    Args:
        database: Where the rows come from.
        connection: An open connection with a transaction in which the query can run.
        sql: Gives the contract's columns in order, and `_unreadable`.
        contract: What the rows are of.
        batch: What they are marked with.
        schema: What `stream_schema` says.

    Raises:
        SourceError: The database refuses the query, now, or fails, while the rows are read.
    """

    def __init__(  # noqa: PLR0913
        self,
        database: Database,
        connection: dbapi.Connection,
        sql: str,
        *,
        contract: Contract,
        batch: Batch,
        schema: pa.Schema,
    ) -> None:
        self._database = database
        self._connection = connection
        self._contract = contract
        self._batch = batch
        self._schema = schema
        self._cursor = connection.cursor()
        with self._of_expressions(), database.explained():
            self._cursor.execute(sql)
            self._rows = self._cursor.fetch_record_batch()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            with self._of_expressions(), self._database.explained_stream():
                rows = self._rows.read_next_batch()
            return self._complete(rows)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _of_expressions(self) -> Iterator[None]:
        """Say of a failed query that the contract's expressions may be why, and how to find out."""
        try:
            yield
        except SourceError as error:
            computed = any(column.transform is not None for column in self._contract.columns)
            if not computed or (error.sqlstate and not error.sqlstate.startswith("22")):
                raise
            stream = self._contract.stream
            remedy = (
                f"an expression of the contract of {stream} may fail on a value: `chimera contract "
                f"check --source` tries each; {error.remedy}"
            )
            raise SourceError(
                error.where,
                error.problem,
                remedy=remedy,
                transient=error.transient,
                sqlstate=error.sqlstate,
            ) from None

    def __del__(self) -> None:
        # Whoever stops reading half-way must not keep the source's transaction open.
        self.close()

    def close(self) -> None:
        """End the transaction and the connection; may be called again."""
        if connection := self.__dict__.pop("_connection", None):
            self.__dict__.pop("_rows", None)
            if cursor := self.__dict__.pop("_cursor", None):
                cursor.close()
            connection.close()

    def _complete(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The batch in its final schema: columns as they came, hour and lineage added."""
        *given, unreadable = rows.columns
        columns, unreadable = self._from_texts(given, unreadable)
        if HOUR_FIELDS[0].name in self._schema.names:
            by_name = dict(zip(self._contract.column_names, columns, strict=True))
            event = by_name[self._contract.event_time or ""]
            columns += arrow_hour_columns(
                placed_arrow(event, by_name.get(self._contract.arrival_time or ""))
            )
        lineage = [
            pa.scalar(self._batch.batch_id),
            pa.scalar(self._batch.ingested_at, BATCH_FIELDS[1].type),
        ]
        columns += [pa.repeat(value, rows.num_rows) for value in lineage]
        columns.append(unreadable)
        typed = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(typed, schema=self._schema)

    def _from_texts(
        self, given: Sequence[pa.Array], unreadable: pa.Array
    ) -> tuple[list[pa.Array], pa.Array]:
        """The columns, those that came as texts in their types, and what could not be read."""
        columns, unread = list(given), dict[str, pl.Series]()
        for at, column in enumerate(self._contract.columns):
            if pa.types.is_string(given[at].type) and column.type != "string":
                texts = pl.Series(pl.from_arrow(given[at]))
                values = read_texts(column, texts)
                columns[at] = values.to_arrow()
                lost = texts.zip_with(values.is_null(), pl.Series([None], dtype=pl.String))
                if lost.null_count() < len(lost):
                    unread[column.name] = lost
        if unread:
            unreadable = with_texts(pl.Series(pl.from_arrow(unreadable)), unread).to_arrow()
        return columns, unreadable
