"""Rows that are past their time and still there: how many, and which of them legal holds keep.

By the same rules as retention and purge, of which nothing is deleted here. Counted from the log
where that tells; rows are read, of few columns, where a hold goes by tenant, and in quarantine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START, hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lifecycle.purge import recorded
from chimera_assets.lifecycle.retention import first_held_day, first_kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chimera_assets.lake import Table
    from chimera_assets.lifecycle.held_rows import TableHold
    from chimera_assets.lifecycle.legal_holds import Hold

#: From one purge to the next.
CYCLE = timedelta(days=1)

_LATE, _HELD = "late", "held"
_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class PastTime:
    """The rows of a table that are past their time.

    Attributes:
        rows: How many; those held too.
        held: Those that a legal hold keeps.
        overdue: Those that none keeps, and that were past their time a whole cycle ago.
        by_hold: Each hold on the table with how many of the rows it keeps; a row that several keep
            counts for each.
    """

    rows: int
    held: int
    overdue: int
    by_hold: tuple[tuple[Hold, int], ...]


def past_by_hour(table: Table, days: int, now: datetime, holds: Sequence[TableHold]) -> PastTime:
    """Of a table by the hour: hours that began more than `days` days ago, as `expire` has them."""
    names = set(table.schema().names)

    def value(column: str) -> pl.Expr | None:
        return pl.col(column) if column in names else None

    columns = sorted(_read_by(holds) & names)
    by_row = [each.hold for each in holds if each.rows(value) is not None]
    present = table.rows_by_hour()
    past = present.filter(first_kept(now, days) > HOUR_START)
    partly = [hour for hour in hour_starts(past) if any(hold.covers(hour) for hold in by_row)]
    whole = past.filter(~HOUR_START.is_in(pl.Series(partly, dtype=_MOMENT).implode()))
    nobodys = [pl.lit(None).alias(name) for name in columns]  # of these no hold asks whose they are
    parts = [
        whole.lazy().with_columns(nobodys),
        *(
            table.read(hours, [*HOUR_COLUMNS, *columns]).with_columns(rows=1)
            for hours in ranges_without(partly, hour_starts(present))
        ),
    ]
    late = first_kept(now - CYCLE, days) > HOUR_START
    return _counted(parts, late, [(each.hold, each.keeps(value)) for each in holds])


def past_by_day(table: Table, days: int, now: datetime, holds: Sequence[Hold]) -> PastTime:
    """Of a table by the day: days before the first kept hour's, as `expire_days` has them."""
    day = pl.col(DAY_COLUMN)
    past = table.rows_by_day().filter(day < first_kept(now, days).date())
    late = day < first_kept(now - CYCLE, days).date()
    return _counted([past.lazy()], late, [(hold, day >= first_held_day(hold)) for hold in holds])


def past_in_quarantine(
    table: Table, days: float, now: datetime, holds: Sequence[TableHold]
) -> PastTime:
    """Of a quarantine: rows first rejected more than `days` days ago, as `purge` has them."""
    columns = [*HOUR_COLUMNS, "first_seen", *(["record"] if _read_by(holds) else [])]
    seen, limit = pl.col("first_seen"), now - timedelta(days=days)
    past = table.read(columns=columns).filter(seen < limit).with_columns(rows=1)
    return _counted([past], seen < limit - CYCLE, [(h.hold, h.keeps(recorded)) for h in holds])


def _read_by(holds: Sequence[TableHold]) -> set[str]:
    """The columns that tell holds whose a row is."""
    return {column.name for each in holds for column in each.tenants or ()}


def _counted(
    parts: Sequence[pl.LazyFrame], late: pl.Expr, held: Sequence[tuple[Hold, pl.Expr]]
) -> PastTime:
    """Count rows by who keeps them; each row of the frames stands for some (`rows`)."""
    names = [f"hold {number}" for number in range(len(held))]
    kept = [keeps.alias(name) for name, (_, keeps) in zip(names, held, strict=True)]
    any_held = pl.any_horizontal([pl.lit(value=False), *names])
    rows = pl.col("rows")
    sums = [
        rows.sum(),
        rows.filter(_HELD).sum().alias(_HELD),
        rows.filter(pl.col(_LATE) & ~pl.col(_HELD)).sum().alias(_LATE),
        *(rows.filter(name).sum().alias(name) for name in names),
    ]
    counted = [
        part.select(rows.cast(pl.Int64), late.alias(_LATE), *kept)
        .with_columns(any_held.alias(_HELD))
        .select(sums)
        for part in parts
    ]
    total = pl.concat(counted).sum().collect(engine="streaming").row(0, named=True)
    by_hold = tuple((hold, total[name]) for name, (hold, _) in zip(names, held, strict=True))
    return PastTime(total["rows"], total[_HELD], total[_LATE], by_hold)
