"""Small files merged and rows put in order: for upkeep, and for `chimera table optimize`.

Files written by the hour are SNAPPY, and so are merged ones; files in the order that upkeep keeps a
table in are ZSTD, which their names say. So the log itself says which hours have rows that are not
in order: no bookkeeping that could be wrong, and an hour that is run again asks for it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from deltalake import WriterProperties

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR
from chimera_assets.lake import partitions
from chimera_assets.lake.commit import commit
from chimera_assets.lake.data_files import files
from chimera_assets.lake.errors import CommitConflict
from chimera_assets.lake.file_commit import WRITER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState

#: A file is not made larger than this by merging; two files that fit into one are worth it.
TARGET_BYTES = 100 * 1024 * 1024

#: Hours that ended less than this ago are left to their writers until the next time.
SETTLED = timedelta(hours=2)

#: How often upkeep tries a rewrite. Delta treats it as a reader of the whole table, so that it
#: loses to whoever replaces any hour meanwhile; it is not worth being in anyone's way for long.
_ATTEMPTS = 3

#: Z-order sorts an hour at a time; beyond this it spills to disk.
_SORT_BYTES = 1024 * 1024 * 1024

#: Rows that are larger on average, as they are stored, are never ordered: the sort takes gigabytes
#: for an hour of them or fails, and their row groups are small enough as they come.
_WIDE_ROW_BYTES = 8 * 1024

_ORDERED = WriterProperties(
    # Row groups are small, as they are what an ordered file lets one skip.
    compression="ZSTD",
    compression_level=3,
    max_row_group_size=131_072,
)
_ORDERED_MARK = ".zstd."

#: The names of the two rewrites, in a commit's metadata.
_MERGE, _ORDER = "optimize", "z-order"

#: The values of a table's partition columns, as text.
Partition: TypeAlias = "tuple[str, ...]"
_Filters: TypeAlias = "list[tuple[str, str, Any]] | None"
_Rewrite: TypeAlias = "Callable[[DeltaTable, CommitProperties, _Filters], Any]"


@dataclass(frozen=True, slots=True)
class Needs:
    """The partitions of a table that are worth a rewrite."""

    merge: tuple[Partition, ...]
    order: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a rewrite of partitions came to.

    Attributes:
        merged: Partitions whose small files were merged.
        ordered: Partitions whose rows were put in order.
        skipped: Partitions left for another time, as others wrote them meanwhile.
    """

    merged: int
    ordered: int
    skipped: tuple[Partition, ...]


def needs(table: TableState, order_by: Sequence[str], now: datetime) -> Needs:
    """Which partitions have small files to merge or new rows to order, from the log alone.

    Args:
        table: The table.
        order_by: The columns its rows are to be ordered by; none for a table that is only merged.
        now: The present: what ended less than `SETTLED` before is left alone.
    """
    columns = table.partition_columns()
    listed = _settled(files(table, table.delta(), None), now)
    small = pl.col("bytes").sort().head(2)
    found = listed.group_by(columns or pl.lit(1).alias("all")).agg(
        several=(small.len() == 2) & (small.sum() <= TARGET_BYTES),  # noqa: PLR2004
        fresh=(~pl.col("path").str.contains(_ORDERED_MARK, literal=True)).any(),
        wide=pl.col("bytes").sum() > pl.col("rows").sum() * _WIDE_ROW_BYTES,
    )
    if order_by:
        merged = found.filter(pl.col("several") & pl.col("wide"))
        ordered = found.filter((pl.col("several") | pl.col("fresh")) & ~pl.col("wide"))
        return Needs(_partitions(merged, columns), _partitions(ordered, columns))
    return Needs(_partitions(found.filter("several"), columns), ())


def rewrite(table: TableState, wanted: Needs, order_by: Sequence[str]) -> Rewritten:
    """Merge and order partitions, a day's hours in one commit.

    A day that keeps losing against other writers is tried hour by hour; an hour that keeps losing
    is skipped: writers are at work, and the next upkeep will find it.

    Args:
        table: The table.
        wanted: What `needs` found.
        order_by: The order that the table is kept in.
    """
    lost = [
        *_rewritten(table, wanted.merge, _merge, _MERGE),
        *_rewritten(table, wanted.order, _order(order_by, kept_in=order_by), _ORDER),
    ]
    merged = len(set(wanted.merge) - set(lost))
    return Rewritten(merged, len(set(wanted.order) - set(lost)), tuple(sorted(lost)))


def optimize(table: TableState, hours: HourRange | None) -> dict[str, int]:
    """Merge small files; see `Table.optimize`."""
    return _of_hours(table, hours, _merge, _MERGE)


def z_order(
    table: TableState, columns: Sequence[str], hours: HourRange | None, kept_in: Sequence[str]
) -> dict[str, int]:
    """Rewrite in the order of columns; see `Table.z_order`."""
    return _of_hours(table, hours, _order(columns, kept_in=kept_in), _ORDER)


def compact_unplaced(table: TableState) -> None:
    """Merge the files with the rows of no hour; see `Table.compact_unplaced`."""
    # Delta's partition filters know null as the empty text.
    chosen: _Filters = [(name, "=", "") for name in HOUR_COLUMNS]

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        _merge(delta, properties, chosen)

    commit(table, action, metadata={"chimera.write": _MERGE})


def _merge(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
    # Not deltalake's own codec, ZSTD: what is only merged must not look as if it were in order.
    return delta.optimize.compact(
        partition_filters=chosen,
        target_size=TARGET_BYTES,
        writer_properties=WRITER,
        commit_properties=properties,
    )


def _order(columns: Sequence[str], *, kept_in: Sequence[str]) -> _Rewrite:
    """A rewrite in the order of columns; marked as in order only if the table is kept in it."""
    writer = _ORDERED if list(columns) == list(kept_in) else WRITER

    def order(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
        return delta.optimize.z_order(
            list(columns),
            partition_filters=chosen,
            target_size=TARGET_BYTES,
            max_spill_size=_SORT_BYTES,
            writer_properties=writer,
            commit_properties=properties,
        )

    return order


def _of_hours(
    table: TableState, hours: HourRange | None, rewrite: _Rewrite, name: str
) -> dict[str, int]:
    """Rewrite whatever lies in the hours; gives files added and removed."""
    totals = {"files_added": 0, "files_removed": 0}
    chosen: list[_Filters] = [None]
    if hours is not None:
        chosen = [block.filters() for block in partitions.blocks(hours)]
    for each in chosen:

        def action(delta: DeltaTable, properties: CommitProperties, each: _Filters = each) -> None:
            metrics = rewrite(delta, properties, each)
            totals["files_added"] += metrics["numFilesAdded"]
            totals["files_removed"] += metrics["numFilesRemoved"]

        commit(table, action, metadata={"chimera.write": name})
    return totals


def _settled(listed: pl.DataFrame, now: datetime) -> pl.DataFrame:
    if not set(HOUR_COLUMNS) <= set(listed.columns):
        return listed
    return listed.filter(now - ONE_HOUR - SETTLED >= HOUR_START)


def _partitions(found: pl.DataFrame, columns: Sequence[str]) -> tuple[Partition, ...]:
    if not columns:
        return ((),) * found.height
    return tuple(found.sort(columns).select(pl.col(columns).cast(pl.String)).iter_rows())


def _rewritten(
    table: TableState, wanted: Sequence[Partition], rewrite: _Rewrite, name: str
) -> Iterator[Partition]:
    """Rewrite the partitions; gives those that others wrote meanwhile."""
    for group in _groups(wanted):
        if _once(table, group, rewrite, name):
            continue
        if len(group) == 1:
            yield from group
        else:
            yield from (one for one in group if not _once(table, [one], rewrite, name))


def _once(table: TableState, group: Sequence[Partition], rewrite: _Rewrite, name: str) -> bool:
    """Rewrite some partitions of one day in one commit; False if another writer was quicker."""
    chosen: _Filters = [
        (column, "in", sorted(set(values)))
        for column, values in zip(table.partition_columns(), zip(*group, strict=True), strict=False)
    ]

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        rewrite(delta, properties, chosen or None)

    try:
        commit(table, action, metadata={"chimera.write": name}, attempts=_ATTEMPTS)
    except CommitConflict:
        return False
    return True


def _groups(wanted: Sequence[Partition]) -> Iterator[list[Partition]]:
    """The hours of each day together; partitions of other kinds all at once."""
    hours = [one for one in wanted if len(one) > 1]
    if others := [one for one in wanted if len(one) <= 1]:
        yield others
    for day in sorted({one[0] for one in hours}):
        yield [one for one in hours if one[0] == day]
