"""The metrics that packs define over their aggregates' newest hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import ONE_HOUR
from chimera_assets.monitoring.metrics.families import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.packs.metrics import Label, Metric, Metrics

#: The label of all values together that are not among the largest, and of a null.
OTHER, UNKNOWN = "other", "unknown"


def pack_metric_samples(metrics: Metrics, rows: pl.DataFrame, last: datetime) -> Iterator[Sample]:
    """The samples of an aggregate; what is not known is left out.

    Args:
        metrics: Which metrics, by which labels.
        rows: The aggregate's newest hours. By all of them values are ranked, so that labels do not
            change every hour.
        last: The newest hour.
    """
    # Their values may not replace those of a column that is added up.
    labels = {f"label {name}": _label(label, rows) for name, label in metrics.labels.items()}
    labelled = rows.with_columns(**labels)
    for name, metric in metrics.figures.items():
        newest = labelled.filter(last - (metric.hours - 1) * ONE_HOUR <= HOUR_START)
        values = newest.group_by(list(labels)).agg(value=_value(metric)).drop_nulls("value")
        for *of, value in values.sort(list(labels)).iter_rows():
            yield Sample(name, tuple(of), value)


def _value(metric: Metric) -> pl.Expr:
    if metric.sum is not None:
        return _sum(metric.sum)
    share, of = (_sum(str(column)) for column in (metric.share, metric.of))
    return pl.when(of != 0).then(share / of)


def _sum(column: str) -> pl.Expr:
    """The sum; that of a column of which nothing is known is null.

    As a float, which a metric is anyway: one of 64 bits would begin anew below zero.
    """
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).cast(pl.Float64).sum())


def _label(label: Label, rows: pl.DataFrame) -> pl.Expr:
    """The column's values, of which those that weigh most keep their own name if there is a top."""
    name = pl.col(label.column).cast(pl.String).fill_null(UNKNOWN)
    if label.top is None or label.by is None:
        return name
    ranked = rows.group_by(name).agg(pl.col(label.by).cast(pl.Float64).sum())
    largest = ranked.sort([label.by, label.column], descending=[True, False])[label.column]
    is_large = name.is_in(largest.head(label.top).implode())
    return pl.when(is_large).then(name).otherwise(pl.lit(OTHER))
