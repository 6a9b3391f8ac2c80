"""Finds numbers that occur more than once among any number of them, in bounded memory.

An external sort: sorted runs are spooled to disk, then all runs are gone through side by side, a
range of values at a time. A 64-bit number a row, so that a billion rows need 8 GB of disk and
memory for one range.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Numbers sorted at a time, 8 bytes each.
_AT_A_TIME = 4_000_000

#: More than so many repeated numbers are not distinguished: something is very wrong already.
MOST = 1_000_000

_LARGEST = 2**64 - 1


def repeated(parts: Iterable[pl.Series], folder: Path) -> pl.Series:
    """The numbers that occur more than once, sorted, the first `MOST` of them.

    Args:
        parts: UInt64 numbers, in parts of any size.
        folder: An empty folder for the sorted runs.
    """
    files, total = _sorted_runs(parts, folder)
    runs = [_mapped(file) for file in files]
    ranges = max(1, math.ceil(total / _AT_A_TIME))
    bounds = [_LARGEST * n // ranges for n in range(1, ranges)]
    edges = [_edges(run, bounds) for run in runs]
    found: list[pl.Series] = [pl.Series(dtype=pl.UInt64)]
    for n in range(ranges):
        here = [run[edge[n] : edge[n + 1]] for run, edge in zip(runs, edges, strict=True)]
        if here:
            numbers = pl.concat(here).sort()
            found.append(numbers.filter(numbers == numbers.shift(1)).unique(maintain_order=True))
        if sum(map(len, found)) >= MOST:
            break
    return pl.concat(found).head(MOST)


def _edges(run: pl.Series, bounds: list[int]) -> list[int]:
    """Where each range begins in a sorted run, and where the last one ends."""
    inner = run.search_sorted(pl.Series(bounds, dtype=pl.UInt64), side="left")
    return [0, *inner, len(run)]


def _mapped(file: Path) -> pl.Series:
    """A sorted run, its pages read when they are needed and dropped when memory is short."""
    with pa.memory_map(str(file)) as mapped:
        return pl.Series(pl.from_arrow(pa.ipc.open_file(mapped).read_all()["number"]))


def _sorted_runs(parts: Iterable[pl.Series], folder: Path) -> tuple[list[Path], int]:
    """Sorted files of about `_AT_A_TIME` numbers, and how many numbers there are in all."""
    files: list[Path] = []
    waiting: list[pl.Series] = []
    total = 0

    def put_by() -> None:
        run = pl.concat(waiting).sort().rechunk()
        files.append(folder / f"{len(files):06d}.arrow")
        run.to_frame("number").write_ipc(files[-1], compression="uncompressed")
        waiting.clear()

    for part in parts:
        waiting.append(part)
        total += len(part)
        if sum(map(len, waiting)) >= _AT_A_TIME:
            put_by()
    if waiting:
        put_by()
    return files, total
