"""Rows on their way into new data files of a table, which no version of it has yet.

deltalake's own writer gathers 8,192 rows before it encodes them, however wide they are. Here what
is held at a time is bounded by bytes as well.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from chimera_assets.lake.partition_spool import PartitionSpool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chimera_assets.lake.location import TableLocation
    from chimera_assets.lake.partition_spool import Key

#: Bounds of a row group: small enough that a reader of one at a time stays small.
ROW_GROUP_ROWS, ROW_GROUP_BYTES = 131_072, 32 * 1024 * 1024

#: What waits for its row group, in all partitions together.
_HELD_BYTES = 2 * ROW_GROUP_BYTES

#: Partitions whose file is open; one of more that gets rows again gets a further file. Rows of so
#: many such partitions come in no order, and wait until all have come.
_OPEN_FILES = 64

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class NewFiles:
    """Writes rows into new files of a table, usually one a partition.

    Args:
        table: The table.
        partition_by: Its partition columns, dates and integers.
        stats_columns: The columns whose smallest and largest values are put into the log.
    """

    def __init__(
        self, table: TableLocation, partition_by: Sequence[str], stats_columns: Sequence[str]
    ) -> None:
        self._storage = DeltaStorageHandler(table.uri, table.storage_options)
        self._partition_by, self._stats_columns = tuple(partition_by), tuple(stats_columns)
        self._held: dict[Key, _Held] = {}
        self._held_bytes = 0
        self._open: OrderedDict[Key, _File] = OrderedDict()
        self._closed: set[Key] = set()
        self._spool = PartitionSpool()
        self._paths: list[str] = []
        self._added: list[AddAction] = []
        self._writing: Future[None] | None = None

    def write(self, batches: Iterable[pa.RecordBatch]) -> list[AddAction]:
        """Write all batches; gives what a commit has to add.

        What was written of batches that fail is deleted.
        """
        try:
            # One row group is encoded while the next one's rows are made.
            with ThreadPoolExecutor(1) as encoder:
                for batch in batches:
                    for key, rows in _by_partition(batch, self._partition_by):
                        self._hold(key, rows, encoder)
                if self._held and not self._spool.empty:
                    self._put_by()
                self._put_all(encoder)
                for key, rest in self._spool.partitions():
                    for rows in rest:
                        self._hold(key, rows, encoder)
                    self._put_all(encoder)
                self._wait()
            while self._open:
                self._close_oldest()
        except BaseException:
            self._discard()
            raise
        finally:
            self._spool.close()
        return self._added

    def _hold(self, key: Key, rows: pa.RecordBatch, encoder: ThreadPoolExecutor) -> None:
        held = self._held.setdefault(key, _Held())
        if held.batches and not held.has_room(rows):
            self._put(key, encoder)
            held = self._held.setdefault(key, _Held())
        held.add(rows)
        self._held_bytes += rows.nbytes
        if self._held_bytes >= _HELD_BYTES:
            # All of them, as parts of one batch share its memory.
            self._wait()
            if len(self._closed & self._held.keys()) > _OPEN_FILES:
                self._put_by()
            else:
                self._put_all(encoder)

    def _put_by(self) -> None:
        self._spool.add({key: held.table() for key, held in self._held.items()})
        self._held, self._held_bytes = {}, 0

    def _put_all(self, encoder: ThreadPoolExecutor) -> None:
        for key in list(self._held):
            self._put(key, encoder)

    def _put(self, key: Key, encoder: ThreadPoolExecutor) -> None:
        held = self._held.pop(key)
        self._held_bytes -= held.size
        group = held.table()
        self._wait()
        self._writing = encoder.submit(self._encode, key, group)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _encode(self, key: Key, group: pa.Table) -> None:
        rows = group.drop_columns(list(self._partition_by))
        if key not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._close_oldest()
            self._open[key] = self._new(key, rows.schema)
        self._open.move_to_end(key)
        self._open[key].writer.write_table(rows, row_group_size=rows.num_rows)

    def _new(self, key: Key, schema: pa.Schema) -> _File:
        values = dict(zip(self._partition_by, map(_as_text, key), strict=True))
        folders = "".join(f"{name}={value or _NO_VALUE}/" for name, value in values.items())
        path = f"{folders}part-00000-{uuid.uuid4()}-c000.snappy.parquet"
        self._paths.append(path)
        return _File(self._storage, path, values, schema)

    def _close_oldest(self) -> None:
        key, file = self._open.popitem(last=False)
        self._closed.add(key)
        self._added.append(file.close(self._stats_columns))

    def _discard(self) -> None:
        """Delete what no commit will ever name; what cannot be deleted now is left to vacuum."""
        for file in self._open.values():
            with suppress(Exception):
                file.writer.close()
                file.sink.close()
        for path in self._paths:
            with suppress(Exception):
                self._storage.delete_file(path)


class _Held:
    """Rows of one partition that wait for their row group."""

    def __init__(self) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.rows = self.size = 0

    def has_room(self, rows: pa.RecordBatch) -> bool:
        fits: bool = self.size + rows.nbytes <= ROW_GROUP_BYTES
        return fits and self.rows + rows.num_rows <= ROW_GROUP_ROWS

    def add(self, rows: pa.RecordBatch) -> None:
        self.batches.append(rows)
        self.rows += rows.num_rows
        self.size += rows.nbytes

    def table(self) -> pa.Table:
        return pa.Table.from_batches(self.batches)


class _File:
    """A data file that is being written."""

    def __init__(
        self,
        storage: DeltaStorageHandler,
        path: str,
        values: dict[str, str | None],
        schema: pa.Schema,
    ) -> None:
        self.path, self.values = path, values
        self.sink = storage.open_output_stream(path)
        # A dictionary takes some 35 kB of each column of each open file before it sees a value: for
        # a range of hours gigabytes. At an hour's few rows it saves no byte.
        self.writer = pq.ParquetWriter(
            self.sink,
            schema,
            compression="snappy",
            use_dictionary=False,
            version="2.6",
            write_page_checksum=True,
        )

    def close(self, stats_columns: Sequence[str]) -> AddAction:
        self.writer.close()
        size = self.sink.tell()
        self.sink.close()
        stats = _stats(self.writer.writer.metadata, stats_columns)
        now = time.time_ns() // 1_000_000
        return AddAction(self.path, size, self.values, now, True, json.dumps(stats))  # noqa: FBT003


def _by_partition(
    batch: pa.RecordBatch, columns: Sequence[str]
) -> Iterator[tuple[Key, pa.RecordBatch]]:
    """The rows of a batch by the values of its partition columns."""
    if not columns or not batch.num_rows:
        if batch.num_rows:
            yield (), batch
        return
    keys = batch.select(list(columns))
    runs = _runs(keys)
    if len(runs) > 1 and len(runs) > _partitions(keys):
        # Rows of several partitions in no order.
        batch = batch.take(
            pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in columns])
        )
        keys = batch.select(list(columns))
        runs = _runs(keys)
    for start, end in zip(runs, [*runs[1:], batch.num_rows], strict=True):
        yield (
            tuple(column[start].as_py() for column in keys.columns),
            batch.slice(start, end - start),
        )


def _partitions(keys: pa.RecordBatch) -> int:
    """How many there are."""
    return len(pa.Table.from_batches([keys]).group_by(keys.schema.names).aggregate([]))


def _runs(keys: pa.RecordBatch) -> list[int]:
    """Where each run of rows of one partition starts."""
    changed = None
    for column in keys.columns:
        before, after = column.slice(0, keys.num_rows - 1), column.slice(1)
        differs = pc.or_(
            pc.fill_null(pc.not_equal(before, after), False),  # noqa: FBT003
            pc.xor(before.is_null(), after.is_null()),
        )
        changed = differs if changed is None else pc.or_(changed, differs)
    return [0, *(pc.add(pc.indices_nonzero(changed), 1).to_pylist())]


def _as_text(value: Any) -> str | None:  # noqa: ANN401
    return None if value is None else str(value)


def _stats(written: pq.FileMetaData, columns: Sequence[str]) -> dict[str, Any]:
    """What the log says of a file: its rows, and what it holds of the columns asked for."""
    stats: dict[str, Any] = {"numRecords": written.num_rows}
    for index in range(written.num_columns if columns else 0):
        name = written.schema.column(index).path
        parts = [
            written.row_group(group).column(index).statistics
            for group in range(written.num_row_groups)
        ]
        if name in columns and all(parts):
            stats.setdefault("nullCount", {})[name] = sum(part.null_count for part in parts)
            known = [part for part in parts if part.has_min_max]
            if known and all(part.has_min_max or not part.num_values for part in parts):
                lowest, highest = min(part.min for part in known), max(part.max for part in known)
                stats.setdefault("minValues", {})[name] = _as_json(lowest)
                stats.setdefault("maxValues", {})[name] = _as_json(highest)
    return stats


def _as_json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, date) else value
