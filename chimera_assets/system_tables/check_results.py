"""`quality/check_results`: a row a run, hour and rule.

`rate` is the share of rows that broke the rule; for batch rules `observed` is the number the rule
is about, and the counts are of one hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import DAY_COLUMN
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from chimera_assets.lake import Lake

NAME = "check_results"

CHECK_RESULTS = pl.Schema(
    {
        "run_id": pl.String(),
        "batch_id": pl.String(),
        "stream": pl.String(),
        **HOUR_TYPES,
        "rule": pl.String(),
        "column": pl.String(),
        "level": pl.String(),
        "severity": pl.String(),
        "dimension": pl.String(),
        "checked": pl.Int64(),
        "failed": pl.Int64(),
        "rate": pl.Float64(),
        "observed": pl.Float64(),
        "passed": pl.Boolean(),
        "example_keys": pl.List(pl.String()),
        "judged_at": pl.Datetime("us", "UTC"),
    }
)


def append_check_results(lake: Lake, rows: pl.DataFrame) -> None:
    """Add rows of `CHECK_RESULTS`."""
    lake.table(QUALITY, NAME).append(rows, partition_by=[DAY_COLUMN])


def check_results_of_run(lake: Lake, run_id: str) -> pl.LazyFrame:
    """The rows that a run added."""
    table = lake.table(QUALITY, NAME)
    if not table.exists():
        return pl.LazyFrame(schema=CHECK_RESULTS)
    return table.read(columns=list(CHECK_RESULTS)).filter(pl.col("run_id") == run_id)
