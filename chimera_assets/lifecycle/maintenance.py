"""Upkeep of the whole lake: what is past its time goes, what is left is put in good order.

It runs beside the hours: a partition that an hourly run writes meanwhile is left for the next time,
and no file of the last day is deleted.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import time as time_of_day
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import compaction
from chimera_assets.lake.log_retention import LogNeeds, log_needs, set_log_retention
from chimera_assets.lake.size import Size, size
from chimera_assets.lake.vacuum import safe_vacuum
from chimera_assets.layers import QUALITY
from chimera_assets.lifecycle.policy import Policy, policy
from chimera_assets.lifecycle.purge import purge
from chimera_assets.lifecycle.retention import Expired, expire, expire_days
from chimera_assets.system_tables.upkeep import Maintained, append_upkeep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from chimera_assets.audit.log import Change
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lake import Table

#: When a night's upkeep begins, UTC: between the hourly runs, which start some minutes past the
#: hour, at a time of little traffic.
UPKEEP_TIME = time_of_day(2, 37)


def maintain_lake(
    context: AuditedContext, *, only: str | None = None, dry_run: bool = False
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
    lake = context.lake
    done = []
    names = [each for each in lake.tables() if only in (None, "/".join(each))]
    for layer, name in sorted(names, key=lambda each: each[0] == QUALITY):
        maintained = _maintained(context, lake.table(layer, name), dry_run=dry_run)
        done.append(maintained)
        yield maintained
    if done and not dry_run:
        append_upkeep(context, done)


def _maintained(context: AuditedContext, table: Table, *, dry_run: bool) -> Maintained:
    started = time.perf_counter()
    maintained = Maintained(f"{table.layer}/{table.name}")
    try:
        kept = policy(table, context.contracts)
        before = size(table)
        expired = _expire(context, table, kept, dry_run=dry_run)
        wanted = compaction.needs(table, kept.order_by, context.now)
        did = compaction.Rewritten(len(wanted.merge), len(wanted.order), ())
        files, freed = safe_vacuum(table, kept.vacuum_days, dry_run=True)
        log = log_needs(table, kept.vacuum_days)
        if not dry_run and (files or wanted.merge or wanted.order or log):
            with _upkeep(context, table, before, _plan(did, files, log)):
                if files:
                    files, freed = safe_vacuum(table, kept.vacuum_days)
                did = compaction.rewrite(table, wanted, kept.order_by)
                set_log_retention(table, kept.vacuum_days)
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


def _plan(partitions: compaction.Rewritten, files: int, log: LogNeeds) -> dict[str, object]:
    return {
        "merge": partitions.merged,
        "order": partitions.ordered,
        "delete_old_files": files,
        "properties": dict(log.properties),
        "checkpoint": log.checkpoint,
        "delete_log_files": log.expired,
    }


def _upkeep(
    context: AuditedContext, table: Table, before: Size, plan: dict[str, object]
) -> AbstractContextManager[Change]:
    """Say what is about to be done to the files and log of a table, whose rows stay as they are."""
    return context.change(
        "table.upkeep",
        f"{table.layer}/{table.name}",
        before={"version": table.version(), "files": before.files, "bytes": before.bytes},
        after=plan,
    )


def _expire(context: AuditedContext, table: Table, kept: Policy, *, dry_run: bool) -> Expired:
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
