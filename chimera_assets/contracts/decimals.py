"""Exact numbers as a physical type says them: `numeric(12, 4)`, `decimal(12)`."""

from __future__ import annotations

import re

_DECLARED = re.compile(
    r"(?:numeric|decimal)\s*\(\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\)", re.IGNORECASE | re.ASCII
)

#: So many digits Delta and DuckDB have for one.
MOST_DIGITS = 38


def precision_and_scale(declared: str) -> tuple[int, int] | None:
    """Of `numeric(12, 4)` the 12 and the 4; None if it is no such type, or Delta cannot hold it."""
    match = _DECLARED.fullmatch(declared)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2] or 0)
    return (precision, scale) if 1 <= precision <= MOST_DIGITS and scale <= precision else None
