"""90 days of 24 hours, all layers, one run, process start to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.outcome import Goal, Outcome
from benchmarks.whole_run import measured

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 2_160_000

HOURS = 90 * 24


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - told by the environment
    """Run the range; with fewer rows each hour has fewer."""
    return measured(rows, hours=HOURS, goals=(Goal("seconds", 40),))
