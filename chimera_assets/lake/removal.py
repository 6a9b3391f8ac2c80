"""Rows that go for good: whole hours, or the rows of hours that need not be kept.

Unlike an overwrite with a frame read before, what stays is read from the very snapshot that the
commit is made on, so that a row which another writer brings in meanwhile is never lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import DAY_COLUMN
from chimera_assets.lake import reading
from chimera_assets.lake.bounded import MOST_ROWS
from chimera_assets.lake.commit import commit
from chimera_assets.lake.data_files import files
from chimera_assets.lake.file_commit import FILE_ATTEMPTS, FileCommit
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.lake.stream import Replay, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.commit import Commit
    from chimera_assets.lake.snapshot import TableState


def remove_rows(
    table: TableState, hours: HourRange, keep: pl.Expr | None, *, metadata: Mapping[str, str]
) -> Commit:
    """Remove the rows of these hours, or those for which `keep` is not true, in one commit.

    Raises:
        CommitConflict: Others kept changing the same hours; nothing was removed.
    """
    made: dict[tuple[str, ...], FileCommit] = {}

    def remove(delta: DeltaTable, properties: CommitProperties) -> None:
        gone = tuple(files(table, delta, hours)["path"])
        if gone not in made:  # else what stays is written already
            made.clear()
            made[gone] = FileCommit(table, Stream(_kept(table, delta, hours, keep)), hours)
        made[gone](delta, properties)

    recorded = {**metadata, "chimera.hours": str(hours), "chimera.write": "remove rows"}
    return commit(table, remove, metadata=recorded, attempts=FILE_ATTEMPTS)


def _kept(table: TableState, delta: DeltaTable, hours: HourRange, keep: pl.Expr | None) -> Replay:
    schema = pl.DataFrame(schema=polars_schema(delta)).to_arrow().schema

    def batches() -> Iterator[pa.RecordBatch]:
        if keep is None:
            return
        for frame in reading.batches(table, delta, hours, None, MOST_ROWS):
            yield from frame.filter(keep).to_arrow().to_batches()

    return Replay(schema, batches)


def remove_days(table: TableState, before: date, *, metadata: Mapping[str, str]) -> Commit:
    """Remove the whole days before a date from a table by the day, in one commit."""

    def remove(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.delete(f"{DAY_COLUMN} < '{before}'", commit_properties=properties)

    return commit(table, remove, metadata={**metadata, "chimera.write": "remove days"})
