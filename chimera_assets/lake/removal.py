"""Rows that go for good: whole hours, or the rows of hours that need not be kept.

Unlike an overwrite with a frame read before, what stays is read from the very snapshot that the
commit is made on, so that a row which another writer brings in meanwhile is never lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltalake import write_deltalake

from chimera_assets.hours import DAY_COLUMN
from chimera_assets.lake import partitions, reading
from chimera_assets.lake.commit import commit
from chimera_assets.lake.file_commit import WRITER
from chimera_assets.lake.stream import Stream
from chimera_assets.lake.type_mapping import agreed_schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl
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

    def remove(delta: DeltaTable, properties: CommitProperties) -> None:
        rows = reading.read(table, delta, hours, None)
        kept = rows.filter(keep) if keep is not None else rows.head(0)
        with Stream(kept) as stream:
            schema = agreed_schema(stream.schema, table.schema(), table.uri, hourly=True)
            write_deltalake(
                delta,
                stream.reader(schema, table.uri, hours),
                mode="overwrite",
                predicate=partitions.predicate(hours),
                writer_properties=WRITER,
                commit_properties=properties,
            )

    recorded = {**metadata, "chimera.hours": str(hours), "chimera.write": "remove rows"}
    return commit(table, remove, metadata=recorded)


def remove_days(table: TableState, before: date, *, metadata: Mapping[str, str]) -> Commit:
    """Remove the whole days before a date from a table by the day, in one commit."""

    def remove(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.delete(f"{DAY_COLUMN} < '{before}'", commit_properties=properties)

    return commit(table, remove, metadata={**metadata, "chimera.write": "remove days"})
