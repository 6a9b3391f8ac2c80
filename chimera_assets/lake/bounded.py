"""Rows cut into parts of so many rows and, as rows may be wide, of so many bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

#: What a part holds at most, unless a single row is larger.
MOST_ROWS, MOST_BYTES = 65_536, 32 * 1024 * 1024


def bounded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts; none of them is a copy."""
    step = _step(batch.num_rows, batch.nbytes)
    if step >= batch.num_rows:
        yield batch
        return
    # Views share their buffers: each part of them seems as large as the whole.
    exact = not any(map(_is_view, batch.schema.types))
    for offset in range(0, batch.num_rows, step):
        part = batch.slice(offset, step)
        yield from bounded(part) if exact else (part,)


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches put together, as far as they are one part."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if waiting and (rows + batch.num_rows > MOST_ROWS or size + batch.nbytes > MOST_BYTES):
            yield pa.concat_batches(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if waiting:
        yield pa.concat_batches(waiting)


def bounded_frames(
    frame: pl.DataFrame, rows: int | None = None, size: int | None = None
) -> Iterator[pl.DataFrame]:
    """The frame in parts; none of them is a copy.

    Args:
        frame: The frame.
        rows: The most rows of a part; `MOST_ROWS` by default.
        size: Its most bytes; `MOST_BYTES` by default.
    """
    step = _step(frame.height, int(frame.estimated_size()), rows, size)
    if step >= frame.height:
        yield frame
        return
    for part in frame.iter_slices(step):
        yield from bounded_frames(part, rows, size)


def _step(
    height: int, size: int, most_rows: int | None = None, most_bytes: int | None = None
) -> int:
    """Rows a part, as if all of them were equally wide; those that are not are cut again."""
    by_bytes = height * (most_bytes or MOST_BYTES) // max(size, 1)
    # By half at least, so that a few wide rows among narrow ones are come by.
    fits = min(by_bytes, height // 2) if by_bytes < height else height
    return max(1, min(most_rows or MOST_ROWS, fits))


def _is_view(kind: pa.DataType) -> bool:
    nested = (kind.field(index).type for index in range(kind.num_fields))
    return types.is_string_view(kind) or types.is_binary_view(kind) or any(map(_is_view, nested))
