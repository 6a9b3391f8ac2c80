"""What a run did to the rows, from the tables of batch counts and check results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.system_tables.batches import batches_of_run
from chimera_assets.system_tables.check_results import check_results_of_run

if TYPE_CHECKING:
    from chimera_assets.lake import Lake


def of_streams(lake: Lake, run_id: str) -> pl.DataFrame:
    """A run's counts: `stream`, `extracted`, `staged`, `quarantined`, `duplicates`."""
    counts = ("extracted", "staged", "quarantined", "duplicates")
    return (
        batches_of_run(lake, run_id)
        .group_by("stream")
        .agg(pl.col(name).sum() for name in counts)
        .sort("stream")
        .collect()
    )


def blocked_hours(lake: Lake, run_id: str) -> pl.DataFrame:
    """The hours that a run blocked: `stream`, `hour` (its partition key), `pass_rate`."""
    return (
        batches_of_run(lake, run_id)
        .filter(~pl.col("published"))
        .sort("stream", *HOUR_COLUMNS)
        .select("stream", HOUR_KEY.alias("hour"), "pass_rate")
        .collect()
    )


def reasons(lake: Lake, run_id: str) -> pl.DataFrame:
    """The rows that a run rejected: `stream`, `reason`, `rows`; a row counts once a reason."""
    return (
        check_results_of_run(lake, run_id)
        .filter((pl.col("level") == "row") & (pl.col("severity") == "error"))
        .group_by("stream", reason="rule")
        .agg(rows=pl.col("failed").sum())
        .filter(pl.col("rows") > 0)
        .sort(["rows", "stream", "reason"], descending=[True, False, False])
        .collect()
    )


def warnings(lake: Lake, run_id: str) -> pl.DataFrame:
    """The rules of severity `warning` that rows of a run broke: `rule`, `stream`, `hours`, `rows`.

    The rows are null for rules of a whole hour.
    """
    return (
        check_results_of_run(lake, run_id)
        .filter(~pl.col("passed") & (pl.col("severity") == "warning"))
        .group_by("rule", "stream", "level")
        .agg(hours=pl.struct(HOUR_COLUMNS).n_unique().cast(pl.Int64), rows=pl.col("failed").sum())
        .with_columns(rows=pl.when(pl.col("level") == "row").then("rows"))
        .select("rule", "stream", "hours", "rows")
        .sort("stream", "rule")
        .collect()
    )
