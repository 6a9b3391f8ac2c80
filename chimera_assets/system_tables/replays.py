"""`quality/replays`: a row a replay, stream and hour, with the rows waiting before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.lake import partitions
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table

NAME = "replays"

REPLAYS = pl.Schema(
    {
        "run_id": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "by": pl.String(),
        "stream": pl.String(),
        "contract_version": pl.String(),
        **HOUR_TYPES,
        "waiting": pl.Int64(),
        "rejected_again": pl.Int64(),
    }
)


def replays_table(lake: Lake) -> Table:
    """The table, whether it is there yet or not."""
    return lake.table(QUALITY, NAME)


def append_replays(lake: Lake, rows: pl.DataFrame, *, run_id: str) -> None:
    """Add rows of `REPLAYS`."""
    replays_table(lake).append(rows, metadata={"run": run_id})


def replays_of(lake: Lake, stream: str, hours: HourRange) -> pl.DataFrame:
    """The replays of some hours of a stream, oldest first: a frame of `REPLAYS`."""
    table = replays_table(lake)
    if not table.exists():
        return pl.DataFrame(schema=REPLAYS)
    of_hours = (pl.col("stream") == stream) & partitions.expression(hours)
    return table.read(columns=list(REPLAYS)).filter(of_hours).sort("at").collect()
