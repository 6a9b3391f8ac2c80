"""Rows on their way into new data files of a table, which no version of it has yet.

deltalake's own writer gathers 8,192 rows before it encodes them, however wide they are. Here what
is held at a time is bounded by bytes as well.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chimera_assets.lake.encoder import OPEN_FILES, Encoder
from chimera_assets.lake.partition_spool import PartitionSpool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deltalake.transaction import AddAction

    from chimera_assets.lake.location import TableLocation
    from chimera_assets.lake.partition_spool import Key

#: Bounds of a row group: small enough that a reader of one at a time stays small.
ROW_GROUP_ROWS, ROW_GROUP_BYTES = 65_536, 32 * 1024 * 1024

#: What waits for its row group, in all partitions together.
_HELD_BYTES = 2 * ROW_GROUP_BYTES

#: Row groups that are encoded at the same time, each into a file of its own, unless they are wide:
#: together they have the bytes of one at most.
_ENCODERS = 2


class NewFiles:
    """Writes rows into new files of a table: one a partition, two if it has more than a row group.

    Args:
        table: The table.
        partition_by: Its partition columns, dates and integers.
        stats_columns: The columns whose smallest and largest values are put into the log.
    """

    def __init__(
        self, table: TableLocation, partition_by: Sequence[str], stats_columns: Sequence[str]
    ) -> None:
        self._partition_by = tuple(partition_by)
        self._encoders = [Encoder(table, partition_by, stats_columns) for _ in range(_ENCODERS)]
        self._turn: dict[Key, int] = {}
        self._held: dict[Key, _Held] = {}
        self._held_bytes = 0
        self._spool = PartitionSpool()

    def write(self, batches: Iterable[pa.RecordBatch]) -> list[AddAction]:
        """Write all batches; gives what a commit has to add.

        What was written of batches that fail is deleted.
        """
        try:
            # Row groups are encoded while the next one's rows are made.
            with ExitStack() as threads:
                for encoder in self._encoders:
                    threads.enter_context(encoder)
                self._write(batches)
        except BaseException:
            for encoder in self._encoders:
                encoder.discard()
            raise
        finally:
            self._spool.close()
        return [file for encoder in self._encoders for file in encoder.added]

    def _write(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            for key, rows in _by_partition(batch, self._partition_by):
                self._hold(key, rows)
        if self._held and not self._spool.empty:
            self._put_by()
        self._put_all()
        for key, rest in self._spool.partitions():
            for rows in rest:
                self._hold(key, rows)
            self._put_all()
        for encoder in self._encoders:
            encoder.close()
        self._wait()

    def _hold(self, key: Key, rows: pa.RecordBatch) -> None:
        held = self._held.setdefault(key, _Held())
        if held.batches and not held.has_room(rows):
            self._put(key)
            # The next group may be encoded at the same time, into a second file of the partition.
            self._turn[key] += 1
            held = self._held.setdefault(key, _Held())
        held.add(rows)
        self._held_bytes += rows.nbytes
        if self._held_bytes >= _HELD_BYTES:
            # All of them, as parts of one batch share its memory.
            self._wait()
            if self._closed_that_wait() > _ENCODERS * OPEN_FILES:
                self._put_by()
            else:
                self._put_all()

    def _closed_that_wait(self) -> int:
        """How many partitions have a closed file, and rows that would need another one."""
        return sum(any(key in one.closed for one in self._encoders) for key in self._held)

    def _put_by(self) -> None:
        self._spool.add({key: held.table() for key, held in self._held.items()})
        self._held, self._held_bytes = {}, 0

    def _put_all(self) -> None:
        for key in list(self._held):
            self._put(key)

    def _put(self, key: Key) -> None:
        held = self._held.pop(key)
        self._held_bytes -= held.size
        turn = self._turn.setdefault(key, len(self._turn))
        if held.size + sum(encoder.busy_with for encoder in self._encoders) > ROW_GROUP_BYTES:
            self._wait()
        self._encoders[turn % _ENCODERS].put(key, held.table())

    def _wait(self) -> None:
        for encoder in self._encoders:
            encoder.wait()


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
