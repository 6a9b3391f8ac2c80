"""The purge: rejected rows that waited for as long as their contract says go for good.

A row's age counts from when it was first quarantined; judging it again does not make it younger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import CommitConflict
from chimera_assets.lake.removal import remove_rows
from chimera_assets.layers import QUARANTINE
from chimera_assets.lifecycle.held_rows import holds_on
from chimera_assets.system_tables.deletion_log import PURGE, log_deletions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lake import Table
    from chimera_assets.lifecycle.held_rows import TableHold


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did to a stream's quarantine, or would do.

    Attributes:
        stream: The stream.
        older_than_days: The age that rows had to have.
        rows: Rows deleted.
        hours: Hours from which rows were deleted.
        reasons: Rule -> how many of these rows had broken it; a row counts once a rule.
        held: Hours with rows of that age that a legal hold keeps.
        skipped: Hours left for the next time, as others wrote them meanwhile.
    """

    stream: str
    older_than_days: float
    rows: int = 0
    hours: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    held: int = 0
    skipped: int = 0


def purge(context: AuditedContext, stream: str, days: float, *, dry_run: bool = False) -> Purged:
    """Delete a stream's rows that were first quarantined more than `days` days ago.

    Args:
        context: When, on what, for whom.
        stream: The stream; one that has no contract any more is purged too.
        days: The age.
        dry_run: Only say what would be done.

    Raises:
        AuditError: The audit log could not be written; nothing was deleted.
    """
    lake, run_id, now = context.lake, context.run_id, context.now
    table = lake.table(QUARANTINE, stream)
    if not table.exists():
        return Purged(stream, days)
    old = pl.col("first_seen") < now - timedelta(days=days)
    held = _held(holds_on(lake, context.contracts, stream))
    aged = (
        table.read()
        .filter(old)
        .select(*HOUR_COLUMNS, "reasons", held=held)
        .collect(engine="streaming")
    )
    gone = aged.filter(~pl.col("held"))
    by_hour = gone.group_by(*HOUR_COLUMNS).agg(rows=pl.len()).sort(*HOUR_COLUMNS)
    reasons = _reasons(gone)
    kept = aged.filter("held").select(HOUR_COLUMNS).n_unique()
    if gone.is_empty() or dry_run:
        return Purged(stream, days, gone.height, by_hour.height, reasons, kept)
    plan = {"rows": gone.height, "hours": by_hour.height, "older_than_days": days, "rules": reasons}
    before = {"version": table.version()}
    with context.change("quarantine.purge", f"{QUARANTINE}/{stream}", before=before, after=plan):
        log_deletions(lake, _trace(table, gone, days, run_id, now), run_id=run_id)
        lost = _remove(table, by_hour, ~old | held, run_id)
    rows, hours = gone.height - int(lost["rows"].sum()), by_hour.height - lost.height
    return Purged(stream, days, rows, hours, reasons, kept, lost.height)


def _held(holds: Sequence[TableHold]) -> pl.Expr:
    """Whether a hold keeps a quarantined row."""
    return pl.any_horizontal([pl.lit(value=False), *(each.keeps(recorded) for each in holds)])


def recorded(column: str) -> pl.Expr:
    """A column's value, as text, in the record of a quarantined row."""
    name = json.dumps(column, ensure_ascii=False)
    return pl.col("record").str.json_path_match(f"$[{name}]")


def _remove(table: Table, by_hour: pl.DataFrame, keep: pl.Expr, run_id: str) -> pl.DataFrame:
    """Delete the rows that need not be kept; gives the hours, of `by_hour`, that were skipped."""
    moments = hour_starts(by_hour)
    lost: set[datetime] = set()
    for hours in ranges_without(moments, hour_starts(table.rows_by_hour())):
        try:
            remove_rows(table, hours, keep, metadata={"run": run_id, "chimera.purge": QUARANTINE})
        except CommitConflict:
            lost.update(hour for hour in moments if hour in hours)
    return by_hour.filter(pl.Series([hour in lost for hour in moments], dtype=pl.Boolean))


def _reasons(rows: pl.DataFrame) -> dict[str, int]:
    counted = rows["reasons"].explode().drop_nulls().value_counts(sort=True)
    return dict(counted.iter_rows())


def _trace(
    table: Table, gone: pl.DataFrame, days: float, run_id: str, now: datetime
) -> pl.DataFrame:
    rows = [
        {
            "run_id": run_id,
            "at": now,
            "cause": PURGE,
            "layer": table.layer,
            "table": table.name,
            DAY_COLUMN: day,
            HOUR_COLUMN: hour,
            "rows": part.height,
            "older_than_days": days,
            "reasons": json.dumps(_reasons(part)),
        }
        for (day, hour), part in gone.partition_by(HOUR_COLUMNS, as_dict=True).items()
    ]
    return pl.DataFrame(rows)
