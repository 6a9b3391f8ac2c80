"""The profile of columns that Dagster's pages show with `staged/<stream>`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hours import ONE_HOUR, HourRange, partition_key
from chimera_assets.lake import Lake
from chimera_assets.orchestration.assets.profiles import PROFILE, with_profiles
from chimera_assets.quality import stage_hours
from chimera_assets.run_context import RunContext
from tests.quality.orders import contract, raw_orders

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 1, 22, tzinfo=UTC)


def test_the_last_hour_of_a_run_shows_the_newest_published_hour(tmp_path: Path) -> None:
    """An empty hour takes nothing from the page, whether in a range, run alone, or an old one."""
    lake, orders = Lake(str(tmp_path / "lake")), contract(tmp_path)

    def shown(hours: HourRange, *full: int) -> dict[str, str | None]:
        """Hours are staged, some of them with rows: what is on the page of each."""
        rows = [
            raw_orders(["1", "2"], pl.String(), HourRange.single(START + n * ONE_HOUR))
            for n in full
        ]
        raw = pl.concat(rows) if rows else raw_orders([None], pl.String(), hours).clear()
        lake.table("raw", "orders").write_hours(raw, hours)
        made = stage_hours(RunContext(lake, hours.end, "r"), orders, hours)
        noted: dict[str, dict[str, Any]] = {partition_key(hour): {} for hour in hours}
        found = with_profiles(noted, made.column_profiles, lake, "orders")
        return {
            key[:13]: said[PROFILE].value.splitlines()[0] if said else None
            for key, said in found.items()
        }

    first, second = "Hour 2026-03-01-22:00, 39 rows", "Hour 2026-03-01-23:00, 39 rows"
    empty = HourRange.single(START - ONE_HOUR)
    assert shown(empty) == {"2026-03-01-21": None}
    assert shown(HourRange(START, START + timedelta(hours=4)), 0, 1) == {
        "2026-03-01-22": first,
        "2026-03-01-23": second,
        "2026-03-02-00": None,
        "2026-03-02-01": second,
    }
    assert shown(empty) == {"2026-03-01-21": second}
    long = shown(HourRange(START, START + timedelta(hours=30)), 0, 1)
    assert {key: said for key, said in long.items() if said} == {
        "2026-03-01-23": second,
        "2026-03-03-03": second,
    }
