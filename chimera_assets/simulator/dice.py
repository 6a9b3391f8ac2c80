"""Chance that is the same for the same seed, on every machine and Python."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def dice(*key: object) -> random.Random:
    """Dice that always fall the same way for the same key.

    Only their `random()` should be used: of all draws, Python keeps that one stable.
    """
    return random.Random("/".join(map(str, key)))  # noqa: S311 - not for secrets


def throws(chance: random.Random, names: Sequence[str], rows: int) -> pl.DataFrame:
    """One column of `rows` numbers, even over 0 to 1 (excluded), for each of the names."""
    return pl.DataFrame(
        {name: [chance.random() for _ in range(rows)] for name in names},
        schema=dict.fromkeys(names, pl.Float64()),
    )


def pick(thrown: pl.Series, weights: Sequence[float]) -> pl.Series:
    """For each throw the number of an option, options chosen by weight."""
    total = sum(weights)
    bounds = [bound / total for bound in accumulate(weights)][:-1]
    return pl.Series(bounds, dtype=pl.Float64).search_sorted(thrown, side="right")


def choose(thrown: pl.Series, options: dict[str, float]) -> pl.Series:
    """For each throw one of the options, chosen by weight."""
    return pl.Series(list(options)).gather(pick(thrown, list(options.values())))


def heavy_tailed(thrown: str, *, median: float | pl.Expr, shape: float) -> pl.Expr:
    """A log-logistic quantity: half lie below the median, and the smaller the shape the wilder.

    Its quantile function is closed, `median * (u / (1 - u)) ** (1 / shape)`, so a throw suffices.
    """
    u = pl.col(thrown).clip(1e-9, 1 - 1e-9)
    return median * (u / (1 - u)) ** (1 / shape)
