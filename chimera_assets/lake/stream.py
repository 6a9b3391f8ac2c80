"""Data on its way into a table: any Arrow stream, conformed, checked, and able to be sent again.

A commit that meets a conflict has to be made again, and a stream can be read only once. So a
one-shot stream is copied, while it is first read, to an unnamed temporary file; only if a second
reading is asked for does it come from there. Frames and tables already in memory need no copy, and
neither does what can be made again: a `Replay`.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, HourRange, partition_key
from chimera_assets.lake.bounded import MOST_ROWS, bounded, bounded_frames
from chimera_assets.lake.errors import HoursMismatch, no_room
from chimera_assets.lake.partitions import hour_ordinal
from chimera_assets.lake.type_mapping import conform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOURS_A_DAY = 24


class ArrowStream(Protocol):
    """Anything that exports an Arrow stream: readers, tables, frames, DuckDB relations."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The stream as a PyCapsule."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Batches that are made anew for each reading, instead of being copied during the first.

    Attributes:
        schema: The schema of the batches.
        batches: Makes them, always the same rows; called outside of any commit.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


Data: TypeAlias = pl.DataFrame | pl.LazyFrame | ArrowStream | Replay


class Stream:
    """One-shot or replayable data behind one face.

    Attributes:
        schema: The Arrow schema of the data as it came.
        failure: What went wrong while the data was read, if anything did. Arrow flattens errors
            that cross it into text; this keeps the original.
        copies: Whether a one-shot is copied while it is first read.
        settled: Whether its rows lie in files, so that a commit needs no further reading.
    """

    def __init__(self, data: Data) -> None:
        self.failure: Exception | None = None
        self.copies, self.settled = True, False
        self._frame = data if isinstance(data, pl.DataFrame) else None
        self._table = data if isinstance(data, pa.Table) else None
        self._replay = data if isinstance(data, Replay) else None
        self._spool: IO[bytes] | None = None
        self._live: Iterator[pa.RecordBatch] | None = None
        if isinstance(data, pl.DataFrame):
            self.schema = data.head(0).to_arrow().schema
        elif isinstance(data, pl.LazyFrame):
            self.schema = pl.DataFrame(schema=data.collect_schema()).to_arrow().schema
            self._live = _lazy_batches(data)
        elif isinstance(data, pa.Table):
            self.schema = data.schema
        elif isinstance(data, Replay):
            self.schema = data.schema
            self._live = data.batches()
        else:
            # Through the C interface an error of ours would come back as text.
            own = isinstance(data, pa.RecordBatchReader)
            reader: Any = data if own else pa.RecordBatchReader.from_stream(data)
            self.schema = reader.schema
            self._live = iter(reader)
        self._begun = False
        self._copied = False
        self._first = self._peek()

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the copy, if one was made."""
        if self._spool is not None:
            # What could not be written to a full disk before cannot be now, and nobody needs it.
            with contextlib.suppress(OSError):
                self._spool.close()

    @property
    def empty(self) -> bool:
        """Whether there is not a single row."""
        if self._frame is not None:
            return self._frame.is_empty()
        if self._table is not None:
            return bool(self._table.num_rows == 0)
        return self._first is None

    @property
    def may_be_read_again(self) -> bool:
        """Whether another reading gives every row: not if a one-shot's first broke off half-way."""
        one_shot = self._live is not None and self._replay is None
        return not (one_shot and self._begun) or self._copied

    def reader(
        self, schema: pa.Schema, uri: str, hours: HourRange | None = None
    ) -> pa.RecordBatchReader:
        """What `batches` gives, as an Arrow stream."""
        return pa.RecordBatchReader.from_batches(schema, self.batches(schema, uri, hours))

    def batches(
        self, schema: pa.Schema, uri: str, hours: HourRange | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The data from its beginning, in `schema`, each row checked to lie in `hours`."""
        if self._replay is not None and self._begun:
            self._live = self._replay.batches()
            self._first = self._peek()
            self._begun = False
        return self._checked(schema, uri, hours)

    def _checked(
        self, schema: pa.Schema, uri: str, hours: HourRange | None
    ) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches():
                conformed = conform(batch, schema, uri)
                if hours is not None:
                    check_hours(conformed, hours, uri)
                yield conformed
        except Exception as error:
            self.failure = error
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._frame is not None:
            for part in bounded_frames(self._frame):
                yield from part.to_arrow().combine_chunks().to_batches()
        elif self._table is not None:
            for batch in self._table.to_batches():
                yield from bounded(batch)
        elif self._replay is not None:
            yield from self._live_batches()
        elif self._spool is None:
            yield from self._first_reading() if self.copies else self._live_batches()
        else:
            yield from self._again()

    def _peek(self) -> pa.RecordBatch | None:
        if self._live is None:
            return None
        return next((batch for batch in self._live if batch.num_rows), None)

    def _live_batches(self) -> Iterator[pa.RecordBatch]:
        if self._first is None or self._live is None:
            return
        self._begun = True
        first, self._first = self._first, None
        for batch in _chained(first, self._live):
            yield from bounded(batch)

    def _first_reading(self) -> Iterator[pa.RecordBatch]:
        # Closed by __exit__; the next attempt reads it.
        self._spool = tempfile.TemporaryFile(prefix="chimera-")  # noqa: SIM115
        options = ipc.IpcWriteOptions(compression="lz4")
        with ipc.new_stream(self._spool, self.schema, options=options) as spool:
            for batch in self._live_batches():
                _put_by(batch, spool)
                yield batch
        self._copied = True

    def _again(self) -> Iterator[pa.RecordBatch]:
        if self._spool is not None:
            self._spool.seek(0)
            yield from ipc.open_stream(self._spool)


def _put_by(batch: pa.RecordBatch, spool: ipc.RecordBatchStreamWriter) -> None:
    try:
        spool.write_batch(batch)
    except OSError as error:
        raise no_room(tempfile.gettempdir(), error) from error


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _lazy_batches(frame: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
    for found in frame.collect_batches(chunk_size=MOST_ROWS, lazy=True):
        for part in bounded_frames(found):
            yield from part.to_arrow().to_batches()


def check_hours(batch: pa.RecordBatch, hours: HourRange, uri: str) -> None:
    """Refuse a batch with a row outside the hours.

    Raises:
        HoursMismatch: Names the earliest hour that is too early, or the latest that is too late.
    """
    days, of_day = batch.column(DAY_COLUMN), batch.column(HOUR_COLUMN)
    if days.null_count or of_day.null_count:
        raise HoursMismatch(uri, expected=str(hours), found="a row without an hour")
    if not batch.num_rows:
        return
    of_day_bounds: dict[str, Any] = pc.min_max(of_day).as_py()
    if of_day_bounds["min"] < 0 or of_day_bounds["max"] >= _HOURS_A_DAY:
        raise HoursMismatch(uri, expected="hours from 0 to 23", found=str(of_day_bounds))
    ordinals = pc.add(pc.multiply(days.cast(pa.int32()), _HOURS_A_DAY), of_day)
    bounds: dict[str, Any] = pc.min_max(ordinals).as_py()
    first, last = hour_ordinal(hours.start), hour_ordinal(hours.end) - 1
    for found, fits in (
        (bounds["min"], bounds["min"] >= first),
        (bounds["max"], bounds["max"] <= last),
    ):
        if not fits:
            raise HoursMismatch(uri, expected=str(hours), found=_hour_of(found))


def _hour_of(ordinal: int) -> str:
    moment = pl.select(pl.lit(ordinal * 3_600_000_000).cast(pl.Datetime("us", "UTC"))).item()
    return f"the hour {partition_key(moment)}"
