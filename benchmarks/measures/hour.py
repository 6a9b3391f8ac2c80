"""One whole hour, all layers, process start to end.

The hourly job for one partition, in a fresh process and an empty lake. The embedded PostgreSQL
runs already and is not part of the memory that is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.outcome import Goal, Outcome
from benchmarks.whole_run import measured

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - reported by the environment
    """Run the hour."""
    return measured(rows, hours=1, goals=(Goal("seconds", 12), Goal("peak_mb", 900)))
