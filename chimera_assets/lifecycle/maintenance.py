"""Upkeep of the whole lake: what is past its time goes, what is left is put in good order.

It runs beside the hours: a partition that an hourly run writes meanwhile is left for the next time,
and no file of the last day is deleted.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import compaction
from chimera_assets.lake.log_retention import settle_log
from chimera_assets.lake.size import Size, size
from chimera_assets.lake.vacuum import safe_vacuum
from chimera_assets.layers import QUALITY
from chimera_assets.lifecycle.policy import Policy, policy
from chimera_assets.lifecycle.purge import purge
from chimera_assets.lifecycle.retention import Expired, expire, expire_days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from chimera_assets.audit.log import Change
    from chimera_assets.lake import Table
    from chimera_assets.run_context import RunContext


@dataclass(frozen=True, slots=True)
class Maintained:
    """What upkeep did to one table, or would do: a row of `quality/upkeep`.

    `files` and `bytes` are those of the newest version, `stored` those in the table's place, older
    versions included. `hours_*` count partitions: hours, or days of a table by the day.
    """

    table: str
    rows_dropped: int = 0
    hours_dropped: int = 0
    hours_held: int = 0
    hours_merged: int = 0
    hours_ordered: int = 0
    hours_skipped: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    stored_files_before: int = 0
    stored_files_after: int = 0
    stored_bytes_before: int = 0
    stored_bytes_after: int = 0
    log_files_before: int = 0
    log_files_after: int = 0
    log_bytes_before: int = 0
    log_bytes_after: int = 0
    files_deleted: int = 0
    bytes_freed: int = 0
    seconds: float = 0.0
    error: str | None = None


_KINDS = {"str": pl.String(), "str | None": pl.String(), "int": pl.Int64(), "float": pl.Float64()}

#: `quality/upkeep`: a row a run and table.
UPKEEP = pl.Schema(
    [
        ("run_id", pl.String()),
        ("at", pl.Datetime("us", "UTC")),
        *((name, _KINDS[str(kind)]) for name, kind in Maintained.__annotations__.items()),
    ]
)


def maintain_lake(
    context: RunContext, *, only: str | None = None, dry_run: bool = False
) -> Iterator[Maintained]:
    """Tend each table in turn; what is wrong with one does not keep the others from it.

    Args:
        context: When, on what, by which contracts, for whom.
        only: One table, `layer/name`.
        dry_run: Only say what would be done.

    Yields:
        What was done to each table. At the end it is kept in `quality/upkeep`. Where the audit log
        cannot be written nothing is done, which is reported as the table's error.
    """
    lake, run_id, now = context.lake, context.run_id, context.now
    done = []
    names = [each for each in lake.tables() if only in (None, "/".join(each))]
    for layer, name in sorted(names, key=lambda each: each[0] == QUALITY):
        maintained = _maintained(context, lake.table(layer, name), dry_run=dry_run)
        done.append(maintained)
        yield maintained
    if done and not dry_run:
        rows = pl.DataFrame([{"run_id": run_id, "at": now, **asdict(each)} for each in done])
        typed = rows.select(pl.col(column).cast(kind) for column, kind in UPKEEP.items())
        lake.table(QUALITY, "upkeep").append(typed, metadata={"run": run_id})


def _maintained(context: RunContext, table: Table, *, dry_run: bool) -> Maintained:
    started = time.perf_counter()
    maintained = Maintained(f"{table.layer}/{table.name}")
    try:
        kept = policy(table, context.contracts)
        before = size(table)
        expired = _expire(context, table, kept, dry_run=dry_run)
        wanted = compaction.needs(table, kept.order_by, context.now)
        did = compaction.Rewritten(len(wanted.merge), len(wanted.order), ())
        files, freed = safe_vacuum(table, kept.vacuum_days, dry_run=True)
        if not dry_run:
            if files or wanted.merge or wanted.order:
                with _upkeep(context, table, before, did, files):
                    if files:
                        files, freed = safe_vacuum(table, kept.vacuum_days)
                    did = compaction.rewrite(table, wanted, kept.order_by)
            settle_log(table, kept.vacuum_days)
        after = size(table)
    except ChimeraError as error:
        spent = time.perf_counter() - started
        return replace(maintained, seconds=spent, error=one_line(str(error)))
    return replace(
        maintained,
        rows_dropped=expired.rows,
        hours_dropped=expired.hours,
        hours_held=expired.held,
        hours_merged=did.merged,
        hours_ordered=did.ordered,
        hours_skipped=expired.skipped + len(did.skipped),
        **{f"{name}_before": value for name, value in asdict(before).items()},
        **{f"{name}_after": value for name, value in asdict(after).items()},
        files_deleted=files,
        bytes_freed=freed,
        seconds=time.perf_counter() - started,
    )


def _upkeep(
    context: RunContext, table: Table, before: Size, plan: compaction.Rewritten, files: int
) -> AbstractContextManager[Change]:
    """Say what is about to be done to the files of a table, whose rows stay as they are."""
    return context.change(
        "table.upkeep",
        f"{table.layer}/{table.name}",
        before={"version": table.version(), "files": before.files, "bytes": before.bytes},
        after={"merge": plan.merged, "order": plan.ordered, "delete_old_files": files},
    )


def _expire(context: RunContext, table: Table, kept: Policy, *, dry_run: bool) -> Expired:
    if kept.quarantine_days is not None:
        gone = purge(context, table.name, kept.quarantine_days, dry_run=dry_run)
        return Expired(gone.rows, gone.hours, gone.held, gone.skipped)
    if kept.retention_days is None:
        return Expired()
    days = kept.retention_days
    columns = table.partition_columns()
    if columns == list(HOUR_COLUMNS):
        return expire(context, table, days, stream=kept.stream, dry_run=dry_run)
    if columns == [DAY_COLUMN]:
        return expire_days(context, table, days, dry_run=dry_run)
    return Expired()
