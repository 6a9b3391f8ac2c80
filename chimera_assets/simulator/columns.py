"""What a column of a traffic file comes to: Polars expressions, computed stage by stage."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.packs.traffic.columns import (
    After,
    ArrivalOf,
    Choose,
    During,
    LogLogistic,
    Pick,
    Take,
    stages,
)
from chimera_assets.packs.traffic.expressions import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.packs.traffic.columns import Column
    from chimera_assets.packs.traffic.times import Arrival
    from chimera_assets.simulator.seeded_traffic import SeededTraffic


def computed(
    rows: pl.LazyFrame,
    columns: Mapping[str, Column],
    seeded: SeededTraffic,
    found: Mapping[str, pl.DataFrame],
) -> pl.LazyFrame:
    """The rows with the columns added, each after those that it reads.

    Args:
        rows: What the columns are computed from.
        columns: Name -> what it holds.
        seeded: Lookup tables.
        found: Kind of episode -> the episodes around the rows.
    """
    for stage in stages(columns):
        rows = rows.with_columns(
            expression(columns[name], seeded, found).alias(name) for name in stage
        )
    return rows


def expression(column: Column, seeded: SeededTraffic, found: Mapping[str, pl.DataFrame]) -> pl.Expr:  # noqa: PLR0911 - a form, a line
    """The Polars expression of a column; for the arguments see `computed`."""
    match column:
        case str():
            return parsed(column)
        case Pick():
            return seeded.picked(column.pick, parsed(column.by), evenly=column.evenly)
        case Take():
            return pl.lit(seeded.values(column.take)).gather(parsed(column.at))
        case Choose():
            table = column.choose.partition(".")[0]
            row = seeded.picked(table, parsed(column.by), evenly=column.evenly)
            return pl.lit(seeded.values(column.choose)).gather(row)
        case LogLogistic():
            return _log_logistic(column)
        case After():
            return parsed(column.after) + _microseconds(parsed(column.microseconds))
        case ArrivalOf():
            delay = _delay(seeded.traffic.arrival, parsed(column.by))
            return parsed(column.arrival_of) + _microseconds(delay * 1e6)
        case During():
            return _during(column, found[column.during])


def _microseconds(number: pl.Expr) -> pl.Expr:
    return pl.duration(microseconds=number.cast(pl.Int64))


def _log_logistic(column: LogLogistic) -> pl.Expr:
    """By its quantile function, `median * (u / (1 - u)) ** (1 / shape)`."""
    u = parsed(column.log_logistic).clip(1e-9, 1 - 1e-9)
    found = parsed(column.median) * (u / (1 - u)) ** (1 / column.shape)
    if column.least is None and column.most is None:
        return found
    return found.clip(column.least, column.most)


def _delay(arrival: Arrival, thrown: pl.Expr) -> pl.Expr:
    """Seconds from an event to its arrival."""
    fast, slow = arrival.seconds
    usual = fast + (slow - fast) * thrown
    if not arrival.late_share:
        return usual
    shortest, longest = arrival.late_seconds
    late = shortest * (thrown / arrival.late_share * math.log(longest / shortest)).exp()
    return pl.when(thrown < arrival.late_share).then(late).otherwise(usual)


def _during(column: During, episodes: pl.DataFrame) -> pl.Expr:
    """Whether a time is in one of the episodes, or what the first of them has in a column."""
    margin = timedelta(minutes=column.margin_minutes)
    at = parsed(column.at)
    inside = [
        pl.all_horizontal(
            at >= episode["start"] - margin,
            at < episode["end"] + margin,
            *(parsed(text) == episode[name] for name, text in column.where.items()),
        )
        for episode in episodes.iter_rows(named=True)
    ]
    if column.take is None:
        return pl.any_horizontal(pl.lit(value=False), *inside)
    values = episodes[column.take]
    chosen = [
        pl.when(is_in).then(pl.lit(value, dtype=values.dtype))
        for is_in, value in zip(inside, values, strict=True)
    ]
    return pl.coalesce(*chosen, pl.lit(None, dtype=values.dtype))
