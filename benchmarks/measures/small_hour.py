"""One whole hour of few rows, all layers, process start to end.

As `hour`, of 1,000 rows: what a run costs before its rows do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.outcome import Goal, Outcome
from benchmarks.whole_run import measured

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - reported by the environment
    """Run the hour."""
    return measured(rows, hours=1, goals=(Goal("seconds", 6),))
