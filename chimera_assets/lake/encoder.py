"""Row groups encoded into new data files, in a thread of their own."""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Self

import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from chimera_assets.lake.location import TableLocation
    from chimera_assets.lake.partition_spool import Key

#: Partitions whose file is open at a time; one of more that gets rows again gets a further file.
OPEN_FILES = 32

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class Encoder:
    """Encodes one row group at a time, while its caller makes the next: usually a file a partition.

    A context manager: at its end it waits for what it encodes.

    Args:
        table: The table.
        partition_by: Its partition columns, dates and integers.
        stats_columns: The columns whose smallest and largest values are put into the log.

    Attributes:
        added: What a commit has to add, of all files that are closed.
        closed: The partitions of these files.
    """

    def __init__(
        self, table: TableLocation, partition_by: Sequence[str], stats_columns: Sequence[str]
    ) -> None:
        self.added: list[AddAction] = []
        self.closed: set[Key] = set()
        self._storage = DeltaStorageHandler(table.uri, table.storage_options)
        self._partition_by, self._stats_columns = tuple(partition_by), tuple(stats_columns)
        self._open: OrderedDict[Key, _File] = OrderedDict()
        self._paths: list[str] = []
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    @property
    def busy_with(self) -> int:
        """The bytes of the row group that is being encoded; 0 if none is."""
        return self._size if self._writing is not None and not self._writing.done() else 0

    def put(self, key: Key, group: pa.Table) -> None:
        """Encode a row group of a partition, as soon as the one before is done."""
        self.wait()
        self._size = group.nbytes
        self._writing = self._thread.submit(self._encode, key, group)

    def wait(self) -> None:
        """Return when nothing is being encoded; raises what went wrong with the last group."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> None:
        """Begin to close all files; they are closed after the next `wait`."""
        self.wait()
        self._writing = self._thread.submit(self._close_all)

    def discard(self) -> None:
        """Delete what no commit will ever name; what cannot be deleted now is left to vacuum."""
        with suppress(Exception):
            self.wait()
        for file in self._open.values():
            with suppress(Exception):
                file.writer.close()
                file.sink.close()
        for path in self._paths:
            with suppress(Exception):
                self._storage.delete_file(path)

    def _encode(self, key: Key, group: pa.Table) -> None:
        rows = group.drop_columns(list(self._partition_by))
        if key not in self._open:
            if len(self._open) >= OPEN_FILES:
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

    def _close_all(self) -> None:
        while self._open:
            self._close_oldest()

    def _close_oldest(self) -> None:
        key, file = self._open.popitem(last=False)
        self.closed.add(key)
        self.added.append(file.close(self._stats_columns))


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


def _as_text(value: Any) -> str | None:  # noqa: ANN401
    return None if value is None else str(value)


def _stats(written: pq.FileMetaData, columns: Sequence[str]) -> dict[str, Any]:
    """What the log says of a file: its rows, and what it holds of the columns asked for."""
    stats: dict[str, Any] = {"numRecords": written.num_rows}
    for index in range(written.num_columns if columns else 0):
        name = written.schema.column(index).path
        if name not in columns:
            continue
        parts = [
            written.row_group(group).column(index).statistics
            for group in range(written.num_row_groups)
        ]
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
