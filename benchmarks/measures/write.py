"""An hour's write, against plain write_deltalake of the same frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltalake import write_deltalake

from benchmarks.data import START, generations, with_hours
from benchmarks.outcome import Outcome, alternated
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 5_000_000


def measure(rows: int, home: Path) -> Outcome:
    """Write the hour into new tables."""
    frame = with_hours(generations(rows))
    lake, hour = Lake(str(home / "lake")), HourRange.single(START)

    def ours(number: int) -> None:
        lake.table("staged", f"ours_{number}").write_hours(frame, hour)

    def floor(number: int) -> None:
        write_deltalake(
            str(home / "lake" / "staged" / f"floor_{number}"),
            frame,
            partition_by=list(HOUR_COLUMNS),
        )

    return alternated(rows, ours, floor, at_least=0.85)
