"""`quality/column_profiles`: a row a run, hour and column, with what its values were like.

Of columns from L2 on there are only counts: no value of theirs, nor anything made of one. An hour
that is judged again gets further rows; the newest are those with the latest `judged_at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake

NAME = "column_profiles"

#: `lowest` and `highest` are numbers and times as text. `distinct` is exact up to 1,024 values,
#: beyond that within some 10 %. `top_values` is null where values are many, hardly any of them is
#: there twice, or they are not to be kept.
COLUMN_PROFILES = pl.Schema(
    {
        "run_id": pl.String(),
        "stream": pl.String(),
        **HOUR_TYPES,
        "column": pl.String(),
        "type": pl.String(),
        "rows": pl.Int64(),
        "nulls": pl.Int64(),
        "distinct": pl.Int64(),
        "lowest": pl.String(),
        "highest": pl.String(),
        "top_values": pl.List(pl.Struct({"value": pl.String(), "rows": pl.Int64()})),
        "judged_at": pl.Datetime("us", "UTC"),
    }
)


def append_column_profiles(lake: Lake, rows: pl.DataFrame) -> None:
    """Add rows of `COLUMN_PROFILES`."""
    lake.table(QUALITY, NAME).append(rows, partition_by=[DAY_COLUMN])


def newest_profiles(lake: Lake, stream: str, hours: HourRange | None = None) -> pl.LazyFrame:
    """The newest rows of each hour of a stream, by hour; those of a run are all of its hour."""
    table = lake.table(QUALITY, NAME)
    if not table.exists():
        return pl.LazyFrame(schema=COLUMN_PROFILES)
    rows = table.read(columns=list(COLUMN_PROFILES)).filter(pl.col("stream") == stream)
    if hours is not None:
        rows = rows.filter(partitions.expression(hours))
    newest = pl.col("judged_at") == pl.col("judged_at").max().over(HOUR_COLUMNS)
    return rows.filter(newest).sort(HOUR_COLUMNS, maintain_order=True)
