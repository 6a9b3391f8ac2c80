"""90 days of 24 hours, all layers, one run, process start to end.

The floor is one bare partitioned write of the same rows, in the same process's minute: it tells how
fast the machine and its disk are just then. The run writes five tables of so many hours.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from deltalake import write_deltalake

from benchmarks.data import generations, with_hours
from benchmarks.outcome import Goal, Outcome
from benchmarks.whole_run import measured
from chimera_assets.hours import HOUR_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 2_160_000

HOURS = 90 * 24


def measure(rows: int, home: Path) -> Outcome:
    """Run the range; with fewer rows each hour has fewer."""
    found = measured(rows, hours=HOURS, goals=(Goal("seconds", 30),))
    frame = with_hours(generations(rows, hours=HOURS))
    started = time.perf_counter()
    write_deltalake(str(home / "floor"), frame, partition_by=list(HOUR_COLUMNS))
    floor = time.perf_counter() - started
    return replace(found, floor=floor, ratio=floor / found.ours)
