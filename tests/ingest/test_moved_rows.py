"""Rows whose event was moved to another hour are found in the hour where raw still has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.ingest.moved_rows import KEY_PRINTS, key_prints, moved_from
from chimera_assets.lake import Lake, reading
from tests.quality.rows import HOUR, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Table

CONTRACT = shipped()["generations"]
ROWS = 20
HOURS = HourRange(HOUR, HOUR + timedelta(hours=4))
FIRST, SECOND, THIRD, LAST = HOURS


@pytest.fixture
def raw(tmp_path: Path) -> Table:
    table = Lake(str(tmp_path / "lake")).table("raw", "generations")
    rows = [good_row(n, hour) for hour in HOURS for n in range(ROWS)]
    table.write_hours(raw_frame(CONTRACT, [*rows, good_row(1, event_id=None)]), HOURS)
    return table


def arrived(*keys: tuple[str | None, datetime]) -> pl.DataFrame:
    """Keys of rows that arrived, and the hour that each is in now."""
    frame = pl.DataFrame(keys, schema=["event_id", "_placed"], orient="row")
    typed = frame.cast({"event_id": pl.String, "_placed": pl.Datetime("us", "UTC")})
    return key_prints(CONTRACT, typed, placed=pl.col("_placed")).cast(KEY_PRINTS)


@pytest.mark.parametrize("scanned", [7, 524_288])
def test_rows_are_found_where_they_were_however_many_are_looked_at_at_once(
    raw: Table, scanned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first and the last row of an hour, and one in the middle; those that stayed are none."""
    monkeypatch.setattr(reading, "_SCANNED_ROWS", scanned)
    keys = arrived(
        ("e-05-0", SECOND), ("e-06-3", SECOND), ("e-08-19", FIRST), ("new", THIRD), (None, LAST)
    )
    assert moved_from(raw, CONTRACT, keys, None) == {FIRST, LAST}
    assert moved_from(raw, CONTRACT, keys, HourRange(SECOND, HOURS.end)) == {LAST}
    assert moved_from(raw, CONTRACT, keys, HourRange(SECOND, LAST)) == set()


def test_nothing_that_arrived_moved(raw: Table) -> None:
    assert moved_from(raw, CONTRACT, pl.DataFrame(schema=KEY_PRINTS), None) == set()
    assert moved_from(raw, CONTRACT, arrived(("e-05-0", FIRST)), None) == set()


def test_a_row_that_moved_on_twice_is_in_both_hours_of_before(raw: Table) -> None:
    rows = [good_row(n, SECOND) for n in range(ROWS)]
    rows[4]["event_id"] = "e-05-0"
    raw.write_hours(raw_frame(CONTRACT, rows), HourRange.single(SECOND))
    assert moved_from(raw, CONTRACT, arrived(("e-05-0", LAST)), None) == {FIRST, SECOND}
