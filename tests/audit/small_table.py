"""A table of a few events, written hour by hour, as a run writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HourRange
from chimera_assets.run_context import RunContext

if TYPE_CHECKING:
    from chimera_assets.lake import Commit, Lake

START = datetime(2026, 1, 31, tzinfo=UTC)
RAW = ("raw", "events")


def write_hour(lake: Lake, hour: int, rows: int = 3, run_id: str = "run-1") -> Commit:
    """Replace an hour of `raw/events`."""
    begin = START + timedelta(hours=hour)
    RunContext(lake, begin, run_id)
    frame = pl.DataFrame({"event_id": [f"e-{hour}-{n}" for n in range(rows)]}).with_columns(
        hour_partition=pl.lit(begin.date()), hour=pl.lit(begin.hour, pl.Int32)
    )
    hours = HourRange(begin, begin + timedelta(hours=1))
    return lake.table(*RAW).write_hours(frame, hours, metadata={"chimera.batch": f"b-{hour}"})
