"""Exact numbers as PostgreSQL declares them."""

from __future__ import annotations

import re

_DECLARED = re.compile(r"numeric\((\d+),(-?\d+)\)")

#: So many digits Delta and DuckDB have for one.
_MOST_DIGITS = 38


def precision_and_scale(declared: str) -> tuple[int, int] | None:
    """Of `numeric(12,4)` the 12 and the 4; None if it is no such type, or Delta cannot hold it."""
    match = _DECLARED.fullmatch(declared)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    return (precision, scale) if precision <= _MOST_DIGITS and 0 <= scale <= precision else None
