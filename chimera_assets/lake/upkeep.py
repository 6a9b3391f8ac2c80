"""What a table needs to stay small and quick, told by its log alone, and done beside writers.

Files written by the hour are SNAPPY; files that were put in order here are ZSTD, which their names
tell. So the log itself says which hours have new data since they were ordered: no bookkeeping that
could be wrong, and an hour that is run again asks for it again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from deltalake import WriterProperties
from deltalake.fs import DeltaStorageHandler

from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR
from chimera_assets.lake import partitions, reading
from chimera_assets.lake.commit import commit
from chimera_assets.lake.errors import CommitConflict, translated
from chimera_assets.lake.storage import LOG_FOLDER, stored_files
from chimera_assets.lake.writing import WRITER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.table import Table

#: A file is not made larger than this by merging; two files that fit into one are worth it.
TARGET_BYTES = 100 * 1024 * 1024

#: Hours that ended less than this ago are left to their writers until the next time.
SETTLED = timedelta(hours=2)

#: How often a rewrite is tried. Delta takes it for a reader of the whole table, so that it loses to
#: whoever replaces any hour meanwhile; it is not worth being in anyone's way for long.
_ATTEMPTS = 3

#: Entries of the log after which a reader is spared reading them one by one.
_TAIL = 20

#: The log is kept for so long at least, so that `history` tells a month.
_LOG_DAYS = 30

#: Z-order sorts an hour at a time; beyond this it spills to disk.
_SORT_BYTES = 1024 * 1024 * 1024

_ORDERED = WriterProperties(
    # Row groups as small as the hourly writer's, as they are what an ordered file lets one skip.
    compression="ZSTD",
    compression_level=3,
    max_row_group_size=131_072,
)
_ORDERED_MARK = ".zstd."

#: The values of a table's partition columns, as text.
Partition: TypeAlias = "tuple[str, ...]"
_Filters: TypeAlias = "list[tuple[str, str, Any]] | None"
_Rewrite: TypeAlias = "Callable[[DeltaTable, CommitProperties, _Filters], Any]"


@dataclass(frozen=True, slots=True)
class Size:
    """What a table takes up: the data files of its newest version, and everything in its place.

    Attributes:
        files: Data files of the newest version.
        bytes: Their bytes.
        stored_files: All data files in the table's place, those of older versions included.
        stored_bytes: Their bytes.
        log_files: Files of the log.
        log_bytes: Their bytes.
    """

    files: int
    bytes: int
    stored_files: int
    stored_bytes: int
    log_files: int
    log_bytes: int


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


def size(table: Table) -> Size:
    """What the table takes up; one look at the log, one listing of its place."""
    live = reading.files(table, table.delta(), None)
    stored = stored_files(table.uri, table.storage_options)
    log = [n for path, n in stored.items() if path.startswith(f"{LOG_FOLDER}/")]
    data = [n for path, n in stored.items() if path.endswith(".parquet") and path[0] != "_"]
    return Size(live.height, int(live["bytes"].sum()), len(data), sum(data), len(log), sum(log))


def needs(table: Table, order_by: Sequence[str], now: datetime) -> Needs:
    """Which partitions have small files to merge or new rows to order, from the log alone.

    Args:
        table: The table.
        order_by: The columns its rows are to be ordered by; none for a table that is only merged.
        now: The present: what ended less than `SETTLED` before is left alone.
    """
    columns = table.partition_columns()
    listed = _settled(reading.files(table, table.delta(), None), now)
    small = pl.col("bytes").sort().head(2)
    found = listed.group_by(columns or pl.lit(1).alias("all")).agg(
        several=(small.len() == 2) & (small.sum() <= TARGET_BYTES),  # noqa: PLR2004
        fresh=(~pl.col("path").str.contains(_ORDERED_MARK, literal=True)).any(),
    )
    if order_by:
        wanted = found.filter(pl.col("several") | pl.col("fresh"))
        return Needs((), _partitions(wanted, columns))
    return Needs(_partitions(found.filter("several"), columns), ())


def rewrite(table: Table, wanted: Needs, order_by: Sequence[str]) -> Rewritten:
    """Merge and order partitions, a day's hours in one commit.

    A day that keeps losing against other writers is tried hour by hour; an hour that keeps losing
    is skipped: writers are at work, and the next upkeep will find it.
    """

    def merge(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
        return delta.optimize.compact(
            partition_filters=chosen,
            target_size=TARGET_BYTES,
            writer_properties=WRITER,
            commit_properties=properties,
        )

    def order(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
        return delta.optimize.z_order(
            list(order_by),
            partition_filters=chosen,
            target_size=TARGET_BYTES,
            max_spill_size=_SORT_BYTES,
            writer_properties=_ORDERED,
            commit_properties=properties,
        )

    lost = [
        *_rewritten(table, wanted.merge, merge, "optimize"),
        *_rewritten(table, wanted.order, order, "z-order"),
    ]
    merged = len(set(wanted.merge) - set(lost))
    return Rewritten(merged, len(set(wanted.order) - set(lost)), tuple(sorted(lost)))


def settle_log(table: Table, vacuum_days: float) -> None:
    """Let the table keep its past as long as it is to, a checkpoint if one is due, and no more.

    A file that vacuum is to keep for longer than the table's own setting says would be forgotten
    by the next checkpoint, so the setting follows.
    """
    _keep_for(table, vacuum_days)
    delta = table.fresh()
    try:
        if delta.version() - _last_checkpoint(table) >= _TAIL:
            delta.create_checkpoint()
        delta.cleanup_metadata()
    except Exception as error:
        raise translated(error, table.uri) from error


def vacuum(table: Table, days: float, *, dry_run: bool = False) -> tuple[int, int]:
    """Delete what no version of the last days needs, what killed writers left behind included.

    At least a day is kept: a writer's files belong to no version until it commits them.

    Returns:
        How many files were deleted, and their bytes.
    """
    stored = stored_files(table.uri, table.storage_options)
    deleted = table.vacuum(max(days, 1), full=True, dry_run=dry_run)
    paths = [path.removeprefix(f"{table.uri}/") for path in deleted]
    return len(paths), sum(stored.get(path, 0) for path in paths)


def _settled(listed: pl.DataFrame, now: datetime) -> pl.DataFrame:
    if not set(HOUR_COLUMNS) <= set(listed.columns):
        return listed
    return listed.filter(now - ONE_HOUR - SETTLED >= partitions.HOUR_START)


def _partitions(found: pl.DataFrame, columns: Sequence[str]) -> tuple[Partition, ...]:
    if not columns:
        return ((),) * found.height
    return tuple(found.sort(columns).select(pl.col(columns).cast(pl.String)).iter_rows())


def _rewritten(
    table: Table, wanted: Sequence[Partition], rewrite: _Rewrite, name: str
) -> Iterator[Partition]:
    """Rewrite the partitions; gives those that others wrote meanwhile."""
    for group in _groups(wanted):
        if _once(table, group, rewrite, name):
            continue
        if len(group) == 1:
            yield from group
        else:
            yield from (one for one in group if not _once(table, [one], rewrite, name))


def _once(table: Table, group: Sequence[Partition], rewrite: _Rewrite, name: str) -> bool:
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


def _keep_for(table: Table, days: float) -> None:
    wanted = {
        "delta.deletedFileRetentionDuration": f"interval {math.ceil(days)} days",
        "delta.logRetentionDuration": f"interval {max(_LOG_DAYS, math.ceil(days))} days",
    }
    if wanted.items() <= table.delta().metadata().configuration.items():
        return

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.alter.set_table_properties(wanted, commit_properties=properties)

    commit(table, action, metadata={"chimera.write": "retention of files and log"})


def _last_checkpoint(table: Table) -> int:
    """The version of the newest checkpoint, -1 if there is none."""
    storage = DeltaStorageHandler(table.uri, table.storage_options)
    try:
        with storage.open_input_file(f"{LOG_FOLDER}/_last_checkpoint") as entry:
            return int(json.loads(entry.read())["version"])
    except FileNotFoundError:
        return -1
