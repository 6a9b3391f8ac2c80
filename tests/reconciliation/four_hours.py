"""Four hours of generations in all layers, and ways to make something of them wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HourRange, partition_key
from chimera_assets.lake import Lake
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.reconciliation.aggregates import from_facts
from chimera_assets.reconciliation.verify import verify
from tests.quality.rows import HOUR, shipped

if TYPE_CHECKING:
    from chimera_assets.reconciliation.verify import Verification

COUNT = 4
HOURS = HourRange(HOUR, HOUR + timedelta(hours=COUNT))
FIRST, SECOND, THIRD, LAST = KEYS = [partition_key(hour) for hour in HOURS]
AFTER = HOURS.end
JUDGED = AFTER + timedelta(hours=1)
ROWS = 400
#: Rejected and repeated rows of each hour.
BAD, TWICE = 3, 2

RAW, STAGED, FACT = "raw/generations", "staged/generations", "marts/fact_generations"
QUARANTINE = "quarantine/generations"
METRICS = "aggregates/agg_provider_metrics"
TECHNIQUES = "aggregates/agg_technique_effectiveness"
COSTS = "aggregates/agg_costs"


def hour(number: int) -> HourRange:
    return HourRange.single(HOUR + timedelta(hours=number))


def aggregated(lake: Lake, hours: HourRange) -> None:
    """The aggregates as they should be."""
    for aggregate in active_aggregates():
        if "fact_generations" in aggregate.facts:
            rows = from_facts(aggregate, lake, [hours]).with_columns(pl.col("hour").cast(pl.Int32))
            lake.table("aggregates", aggregate.table).write_hours(rows, hours)


def found(lake: Lake, hours: HourRange | None = None) -> Verification:
    contracts = {"generations": shipped()["generations"]}
    return verify(Lake(lake.uri), contracts, hours)


def broken(lake: Lake, hours: HourRange | None = None) -> set[tuple[str, str, str | None]]:
    return {(one.promise, one.table, one.hour) for one in found(lake, hours).failures}


def changed(lake: Lake, name: str, hours: HourRange, *columns: pl.Expr) -> None:
    """An hour with other values in it."""
    table = lake.table(*name.split("/"))
    rows = table.read(hours).collect().sort(pl.first())
    table.write_hours(rows.with_columns(*columns), hours)


def in_row(number: int, value: object, column: str) -> pl.Expr:
    here = pl.int_range(pl.len()) == number
    given = value if isinstance(value, pl.Expr) else pl.lit(value)
    return pl.when(here).then(given).otherwise(pl.col(column)).alias(column)


def with_rows(lake: Lake, name: str, hours: HourRange, more: pl.DataFrame) -> None:
    table = lake.table(*name.split("/"))
    table.write_hours(pl.concat([table.read(hours).collect(), more]), hours)
