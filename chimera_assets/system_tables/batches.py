"""`quality/batches`: a row a run and hour, in which every extracted row is counted once.

An hour that is judged again gets a further row; the newest is the one with the latest `judged_at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START, HOUR_TYPES
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.layers import QUALITY

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table

NAME = "batches"

#: In which order accounts of an hour count: of one moment, the one of the newest batch is the last.
_ORDER = ("judged_at", "batch_id", "run_id")

BATCHES = pl.Schema(
    {
        "run_id": pl.String(),
        "batch_id": pl.String(),
        "stream": pl.String(),
        **HOUR_TYPES,
        "extracted": pl.Int64(),
        "staged": pl.Int64(),
        "quarantined": pl.Int64(),
        "duplicates": pl.Int64(),
        "pass_rate": pl.Float64(),
        "published": pl.Boolean(),
        "judged_at": pl.Datetime("us", "UTC"),
    }
)


def batches_table(lake: Lake) -> Table:
    """The table itself, for its version and its log."""
    return lake.table(QUALITY, NAME)


def append_batches(lake: Lake, rows: pl.DataFrame) -> None:
    """Add rows of `BATCHES`."""
    batches_table(lake).append(rows, partition_by=[DAY_COLUMN])


def newest_batches(lake: Lake) -> pl.DataFrame:
    """The newest row of every stream and hour: a frame of `BATCHES`."""
    return _newest(_rows(lake)).collect()


def newest_batches_of_days(
    lake: Lake, streams: Collection[str], first: date, last: date
) -> pl.DataFrame:
    """The newest row of each hour of some streams, of the days from `first` to `last`."""
    of_days = pl.col(DAY_COLUMN).is_between(first, last)
    return _newest(_rows(lake).filter(of_days, pl.col("stream").is_in(list(streams)))).collect()


def hour_history(lake: Lake, stream: str, hours: HourRange | None = None) -> pl.DataFrame:
    """A row an hour of a stream: its newest batch, and the newest one that was published.

    Returns:
        The hour columns; batch_id, extracted, rejected, duplicates, published, judged_at of the
        newest; published_batch_id, published_rows, published_at of the newest published (null where
        none was).
    """
    published = pl.col("published")
    return (
        _of_stream(lake, stream, hours)
        .sort(_ORDER)
        .group_by(*HOUR_COLUMNS, maintain_order=True)
        .agg(
            pl.col("batch_id", "extracted", "duplicates", "published", "judged_at").last(),
            rejected=pl.col("quarantined").last(),
            published_batch_id=pl.col("batch_id").filter(published).last(),
            published_rows=pl.col("staged").filter(published).last(),
            published_at=pl.col("judged_at").filter(published).last(),
        )
        .collect()
    )


def judged_hours(lake: Lake, stream: str) -> pl.DataFrame:
    """The hour columns of every hour of a stream that was ever judged, those without rows too."""
    return _of_stream(lake, stream, None).select(HOUR_COLUMNS).unique().collect()


def judged_streams(lake: Lake) -> dict[str, bool]:
    """Each stream that was ever judged, and whether any hour of it was ever published."""
    found = _rows(lake).group_by("stream").agg(pl.col("published").any())
    return dict(found.sort("stream").collect(engine="streaming").iter_rows())


def days_judged_since(lake: Lake, moment: datetime) -> frozenset[date]:
    """The days of which hours were judged since then."""
    judged = _rows(lake).filter(pl.col("judged_at") >= moment).select(DAY_COLUMN).unique()
    return frozenset(judged.collect(engine="streaming").to_series())


def last_judged(lake: Lake, stream: str, hours: HourRange) -> datetime | None:
    """When any of these hours was judged last; None if none ever was."""
    last = _of_stream(lake, stream, hours).select(pl.col("judged_at").max())
    found: datetime | None = last.collect().item()
    return found


def last_published_hour(lake: Lake, stream: str, hours: HourRange) -> datetime | None:
    """The newest of these hours that was ever published, rows or not; None if none was."""
    published = _of_stream(lake, stream, hours).filter("published")
    found: datetime | None = published.select(HOUR_START.max()).collect().item()
    return found


def last_published(lake: Lake, stream: str, hours: HourRange) -> pl.DataFrame:
    """Of each of these hours the newest row that was published: a frame of `BATCHES`."""
    return _newest(_of_stream(lake, stream, hours).filter("published")).collect()


def batches_of_run(lake: Lake, run_id: str) -> pl.LazyFrame:
    """The rows that a run added."""
    return _rows(lake).filter(pl.col("run_id") == run_id)


def _of_stream(lake: Lake, stream: str, hours: HourRange | None) -> pl.LazyFrame:
    rows = _rows(lake).filter(pl.col("stream") == stream)
    return rows if hours is None else rows.filter(partitions.expression(hours))


def _newest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.sort(_ORDER).unique(["stream", *HOUR_COLUMNS], keep="last", maintain_order=True)


def _rows(lake: Lake) -> pl.LazyFrame:
    table = batches_table(lake)
    return table.read(columns=list(BATCHES)) if table.exists() else pl.LazyFrame(schema=BATCHES)
