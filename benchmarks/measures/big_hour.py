"""One whole hour of ten times the rows: time grows no faster than they do, memory hardly.

Both hours are in the same database, and each goes into an empty lake, as in `hour`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.data import START
from benchmarks.outcome import Goal, Outcome
from benchmarks.source import filled
from benchmarks.whole_run import installed, ran_hours

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 10_000_000

_TIMES = 10


def measure(rows: int, home: Path) -> Outcome:
    """Run the small hour, then the big one."""
    small = rows // _TIMES
    filled(small)
    filled(rows, start=START + timedelta(hours=1), first=small)
    installed()
    before, reported_before = ran_hours(START, lake=home / "small")
    after, reported = ran_hours(START + timedelta(hours=1), lake=home / "big")
    return Outcome(
        rows=rows,
        ours=after.seconds,
        floor=before.seconds,
        peer=f"{small:,} rows",
        growths={
            "time": after.seconds / before.seconds,
            "memory": after.peak_mb / before.peak_mb,
        },
        goals=(Goal("time", _TIMES), Goal("memory", 2)),
        peak_mb=after.peak_mb,
        details={"small": reported_before | {"peak_mb": before.peak_mb}, "big": reported},
    )
