"""Rows that break a rule, each in its own way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.packs.traffic.expressions import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.packs.traffic.definition import BadRows

_LAST = timedelta(minutes=59, seconds=59)


def damaged(rows: pl.LazyFrame, bad: BadRows, columns: Sequence[str]) -> pl.DataFrame:
    """The rows in any order, a few of them damaged: of an hour those with the lowest throws.

    A damaged row arrives in its hour, so that its hour stays the same whatever its timestamp says.

    Args:
        rows: All rows of their hours, with `hour`, and what `bad` reads.
        bad: Which rows are damaged, and how.
        columns: The columns to give.
    """
    made = rows.with_columns(_turn=_turn(bad)).select(*columns, "hour", "_turn").collect()
    whole = made.lazy().filter(pl.col("_turn").is_null())
    broken = [
        _in_hour(made.lazy().filter(pl.col("_turn") == number), bad).with_columns(
            parsed(text).cast(made.schema[column]).alias(column) for column, text in changes.items()
        )
        for number, changes in enumerate(bad.kinds.values())
    ]
    return pl.concat([part.select(columns) for part in (whole, *broken)]).collect()


def _turn(bad: BadRows) -> pl.Expr:
    """The number of the kind of damage that a row gets, as a rule none; all kinds in turn."""
    size = pl.len().over("hour")
    wanted = (size * bad.share + parsed(bad.rounding)).floor()
    most = (size * bad.most).floor()
    rank = parsed(bad.by).rank("ordinal").over("hour").cast(pl.Int64) - 1
    turn = (parsed(bad.turn) + rank) % len(bad.kinds)
    return pl.when(rank < pl.min_horizontal(wanted, most)).then(turn)


def _in_hour(rows: pl.LazyFrame, bad: BadRows) -> pl.LazyFrame:
    if bad.arrival is None:
        return rows
    return rows.with_columns(
        pl.min_horizontal(bad.arrival, pl.col("hour") + _LAST).alias(bad.arrival)
    )
