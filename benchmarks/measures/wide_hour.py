"""One whole hour of rows of 100 kB each, all layers, process start to end.

As `hour`, of 1.5 GB of text. The goal is its memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.data import START
from benchmarks.outcome import Goal, Outcome
from benchmarks.source import filled_with_wide
from benchmarks.whole_run import installed, ran_hours

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 15_000


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - reported by the environment
    """Run the hour."""
    filled_with_wide(rows)
    installed()
    ran, reported = ran_hours(START)
    return Outcome(
        rows=rows,
        ours=ran.seconds,
        goals=(Goal("peak_mb", 1536),),
        peak_mb=ran.peak_mb,
        details=reported,
    )
