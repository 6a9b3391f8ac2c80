"""The deletion log: rows that were deleted on purpose, so that nobody counts them as lost.

A row is written before its rows are deleted: if the machine dies between the two, the log says
more than was done, and the next upkeep does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table

NAME = "dropped"

#: Why rows were deleted.
RETENTION, PURGE = "retention", "purge"

#: `quality/dropped`: a row a deletion, table and hour. `reasons` are the rules that purged rows had
#: broken, each with its rows, as JSON; null for retention.
DELETIONS = pl.Schema(
    {
        "run_id": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "cause": pl.String(),
        "layer": pl.String(),
        "table": pl.String(),
        **HOUR_TYPES,
        "rows": pl.Int64(),
        "older_than_days": pl.Float64(),
        "reasons": pl.String(),
    }
)


def deletions_table(lake: Lake) -> Table:
    """The table, whether it is there yet or not."""
    return lake.table(QUALITY, NAME)


def log_deletions(lake: Lake, dropped: pl.DataFrame, *, run_id: str) -> None:
    """Append rows of `DELETIONS`."""
    typed = dropped.select(pl.col(name).cast(kind) for name, kind in DELETIONS.items())
    deletions_table(lake).append(typed, metadata={"run": run_id})


def deleted_rows(
    lake: Lake, tables: Collection[Table], hours: HourRange | None = None
) -> pl.DataFrame:
    """What was deleted from some tables: hour columns, `layer`, `at`, `rows`."""
    return deletions(lake, tables, hours).select(*HOUR_COLUMNS, "layer", "at", "rows")


def deletions(
    lake: Lake, tables: Collection[Table], hours: HourRange | None = None
) -> pl.DataFrame:
    """All that is known of what was deleted from some tables: a frame of `DELETIONS`."""
    kept = deletions_table(lake)
    if not kept.exists() or not tables:
        return pl.DataFrame(schema=DELETIONS)
    theirs = (
        (pl.col("layer") == table.layer) & (pl.col("table") == table.name) for table in tables
    )
    rows = kept.read(columns=list(DELETIONS)).filter(pl.any_horizontal(theirs))
    if hours is not None:
        rows = rows.filter(partitions.expression(hours))
    return rows.collect()
