"""Rows that go for good: whole hours, or the rows of hours that need not be kept.

Unlike an overwrite with a frame read before, what stays is read from the very snapshot that the
commit is made on, so that a row which another writer brings in meanwhile is never lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltalake import write_deltalake

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import DAY_COLUMN, ONE_HOUR, HourRange
from chimera_assets.lake import partitions, reading
from chimera_assets.lake.commit import commit
from chimera_assets.lake.stream import Stream
from chimera_assets.lake.type_mapping import agreed_schema
from chimera_assets.lake.writing import WRITER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date, datetime

    import polars as pl
    from deltalake import CommitProperties, DeltaTable

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

    told = {**metadata, "chimera.hours": str(hours), "chimera.write": "remove rows"}
    return commit(table, remove, metadata=told)


def remove_days(table: TableState, before: date, *, metadata: Mapping[str, str]) -> Commit:
    """Remove the whole days before a date from a table by the day, in one commit."""

    def remove(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.delete(f"{DAY_COLUMN} < '{before}'", commit_properties=properties)

    return commit(table, remove, metadata={**metadata, "chimera.write": "remove days"})


def runs(chosen: Collection[datetime], present: Collection[datetime]) -> Iterator[HourRange]:
    """The chosen hours as few ranges, none of which holds another hour that is present.

    Args:
        chosen: Starts of hours.
        present: Starts of all the hours that have rows, those chosen among them.
    """
    wanted = set(chosen)
    first: datetime | None = None
    last: datetime | None = None
    for hour in sorted(set(present) | wanted):
        if hour in wanted:
            first, last = first or hour, hour
        elif first is not None and last is not None:
            yield HourRange(first, last + ONE_HOUR)
            first = None
    if first is not None and last is not None:
        yield HourRange(first, last + ONE_HOUR)


def starts(rows: pl.DataFrame) -> list[datetime]:
    """The starts of the hours that a frame's two hour columns give."""
    return rows.select(HOUR_START).to_series().to_list()
