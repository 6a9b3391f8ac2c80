"""When a row arrives: seconds after its event, and now and then hours."""

from __future__ import annotations

import math

import polars as pl

_LATE_SHARE = 0.01
_LATE_SECONDS = (600.0, 36 * 3600.0)


def created_at(thrown: str) -> pl.Expr:
    """The arrival of a row with a `timestamp`, by one throw.

    A hundredth comes between ten minutes and a day and a half late, the short delays the likelier.
    """
    u = pl.col(thrown)
    shortest, longest = _LATE_SECONDS
    late = shortest * (u / _LATE_SHARE * math.log(longest / shortest)).exp()
    seconds = pl.when(u < _LATE_SHARE).then(late).otherwise(0.2 + 4 * u)
    return pl.col("timestamp") + pl.duration(microseconds=(seconds * 1e6).cast(pl.Int64))
