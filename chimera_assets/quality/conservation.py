"""The conservation of rows: what was taken is staged, quarantined or a counted duplicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import partitions
from chimera_assets.quality import results

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table


@dataclass(frozen=True, slots=True)
class Conservation:
    """The rows of some hours, counted in the tables themselves.

    Attributes:
        hours: A row an hour: the hour columns; raw, staged, quarantined, facts (rows counted;
            facts is null where the stream has no fact table); duplicates, published (from the
            hour's latest batch).
        lost: The published hours in which the counts do not add up.
    """

    hours: pl.DataFrame
    lost: pl.DataFrame


def conservation(lake: Lake, contract: Contract, hours: HourRange) -> Conservation:
    """Count each hour in every layer: raw = staged + quarantined + duplicates, staged = facts.

    Blocked hours are left out of `lost`: their staged rows are those published before.
    """
    fact = lake.table("marts", f"fact_{contract.stream}")
    counted = latest_batches(lake, contract, hours)
    for name, table in (
        ("raw", lake.table("raw", contract.stream)),
        ("staged", lake.table("staged", contract.stream)),
        ("quarantined", lake.table("quarantine", contract.stream)),
        ("facts", fact),
    ):
        rows = _rows(table, hours).rename({"rows": name})
        counted = counted.join(rows, on=HOUR_COLUMNS, how="left").with_columns(
            pl.col(name).fill_null(0)
        )
    if not fact.exists():
        counted = counted.with_columns(facts=pl.lit(None, dtype=pl.Int64))
    kept = pl.col("staged") + pl.col("quarantined") + pl.col("duplicates")
    whole = (pl.col("raw") == kept) & (
        pl.col("facts").is_null() | (pl.col("facts") == pl.col("staged"))
    )
    return Conservation(counted, counted.filter(pl.col("published") & ~whole))


def latest_batches(lake: Lake, contract: Contract, hours: HourRange | None = None) -> pl.DataFrame:
    """The latest account of each hour of a stream: the hour columns, duplicates, published."""
    table = lake.table(results.LAYER, "batches")
    if not table.exists():
        return results.BATCHES.to_frame().select(*HOUR_COLUMNS, "duplicates", "published")
    rows = table.read().filter(pl.col("stream") == contract.stream)
    if hours is not None:
        rows = rows.filter(partitions.expression(hours))
    return (
        rows.sort("judged_at")
        .group_by(*HOUR_COLUMNS)
        .agg(pl.col("duplicates", "published").last())
        .sort(*HOUR_COLUMNS)
        .collect()
    )


def _rows(table: Table, hours: HourRange) -> pl.DataFrame:
    if table.exists():
        return table.rows_by_hour(hours)
    return pl.DataFrame(schema={"hour_partition": pl.Date, "hour": pl.Int32, "rows": pl.Int64})
