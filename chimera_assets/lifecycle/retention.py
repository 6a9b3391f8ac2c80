"""Retention: hours whose time is over go, as a whole, unless a legal hold keeps them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import hour_columns_of, hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import DAY_COLUMN, HourRange, floor_hour
from chimera_assets.lake import CommitConflict
from chimera_assets.lake.removal import remove_days, remove_rows
from chimera_assets.lifecycle.held_rows import holds_on
from chimera_assets.lifecycle.legal_holds import active_holds
from chimera_assets.system_tables.deletion_log import RETENTION, log_deletions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from chimera_assets.audit.log import Change
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lake import Table
    from chimera_assets.lifecycle.held_rows import TableHold
    from chimera_assets.lifecycle.legal_holds import Hold


@dataclass(frozen=True, slots=True)
class Expired:
    """What retention did to a table, or would do.

    Attributes:
        rows: Rows deleted.
        hours: Hours from which rows were deleted.
        held: Hours that are past their time and kept, in whole or in part, by a legal hold.
        skipped: Hours that others wrote meanwhile, left for the next time.
    """

    rows: int = 0
    hours: int = 0
    held: int = 0
    skipped: int = 0


def first_kept(now: datetime, days: float) -> datetime:
    """The first hour that is kept; those before it are past their time."""
    return floor_hour(now - timedelta(days=days))


def first_held_day(hold: Hold) -> date:
    """The day from which on a hold keeps a table by the day."""
    return hold.start.date() if hold.start is not None else date.min


def expire(
    context: AuditedContext, table: Table, days: int, *, stream: str | None, dry_run: bool = False
) -> Expired:
    """Delete the rows of all hours that began more than `days` days ago.

    Args:
        context: When, on what, for whom.
        table: A table by the hour.
        days: How long rows are kept.
        stream: Whose rows it has; None if of several, so that a hold on any of them holds.
        dry_run: Only say what would be done.

    Raises:
        AuditError: The audit log could not be written; nothing was deleted.
    """
    lake, run_id, now = context.lake, context.run_id, context.now
    present = table.rows_by_hour()
    moments = hour_starts(present)
    end = first_kept(now, days)
    counts = dict(zip(moments, present["rows"].to_list(), strict=True))
    past = [hour for hour in moments if hour < end]
    whole, partly, held = _divided(table, past, holds_on(lake, context.contracts, stream))
    gone = {hour: counts[hour] for hour in whole}
    for hour, keep in partly.items():
        if rows := counts[hour] - _kept(table, hour, keep):
            gone[hour] = rows
    if not gone or dry_run:
        return Expired(sum(gone.values()), len(gone), held)
    recorded = {"run": run_id, "chimera.retention_days": str(days)}
    skipped: Counter[str] = Counter()
    todo: list[tuple[HourRange, pl.Expr | None]] = [
        *((each, None) for each in ranges_without(whole, moments)),
        *((HourRange.single(hour), keep) for hour, keep in partly.items() if hour in gone),
    ]
    with _deletion(context, table, days, rows=sum(gone.values()), hours=len(gone)):
        log_deletions(lake, _trace(table, gone, days, run_id, now), run_id=run_id)
        for hours, kept in todo:
            try:
                remove_rows(table, hours, kept, metadata=recorded)
            except CommitConflict:
                lost = [rows for hour, rows in gone.items() if hour in hours]
                skipped.update(hours=len(lost), rows=sum(lost))
    rows = sum(gone.values()) - skipped["rows"]
    return Expired(rows, len(gone) - skipped["hours"], held, skipped["hours"])


def expire_days(
    context: AuditedContext, table: Table, days: int, *, dry_run: bool = False
) -> Expired:
    """Delete whole days from a table by the day, up to the first one that any hold speaks of.

    Raises:
        AuditError: The audit log could not be written; nothing was deleted.
    """
    end = first_kept(context.now, days).date()
    for hold in active_holds(context.lake, None):
        end = min(end, first_held_day(hold))
    past = table.rows_by_day().filter(pl.col(DAY_COLUMN) < end)
    rows = int(past["rows"].sum())
    if not rows or dry_run:
        return Expired(rows, 24 * past.height)
    recorded = {"run": context.run_id, "chimera.retention_days": str(days)}
    try:
        with _deletion(context, table, days, rows=rows, hours=24 * past.height):
            remove_days(table, end, metadata=recorded)
    except CommitConflict:
        return Expired(skipped=24 * past.height)
    return Expired(rows, 24 * past.height)


def _deletion(
    context: AuditedContext, table: Table, days: int, *, rows: int, hours: int
) -> AbstractContextManager[Change]:
    return context.change(
        "retention.delete",
        f"{table.layer}/{table.name}",
        before={"version": table.version()},
        after={"rows": rows, "hours": hours, "older_than_days": days},
    )


def _divided(
    table: Table, past: Collection[datetime], held: Collection[TableHold]
) -> tuple[list[datetime], dict[datetime, pl.Expr], int]:
    """The hours to delete, those to delete in part and what to keep of them, and how many held."""
    names = set(table.schema().names)
    kept_by = [(each.hold, each.rows(lambda c: pl.col(c) if c in names else None)) for each in held]
    whole: list[datetime] = []
    partly: dict[datetime, pl.Expr] = {}
    kept = 0
    for hour in past:
        over = [rows for hold, rows in kept_by if hold.covers(hour)]
        some = [rows for rows in over if rows is not None]
        if not over:
            whole.append(hour)
            continue
        kept += 1
        if len(some) == len(over):
            partly[hour] = pl.any_horizontal(some)
    return whole, partly, kept


def _kept(table: Table, hour: datetime, keep: pl.Expr) -> int:
    rows = table.read(HourRange.single(hour)).filter(keep)
    return int(rows.select(pl.len()).collect().item())


def _trace(
    table: Table, gone: Mapping[datetime, int], days: int, run_id: str, now: datetime
) -> pl.DataFrame:
    moments = pl.Series(list(gone), dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"rows": list(gone.values()), "start": moments}).select(
        *hour_columns_of(pl.col("start")),
        run_id=pl.lit(run_id),
        at=pl.lit(now),
        cause=pl.lit(RETENTION),
        layer=pl.lit(table.layer),
        table=pl.lit(table.name),
        rows="rows",
        older_than_days=pl.lit(days),
        reasons=pl.lit(None),
    )
