"""Rows of the pack `ai`, as the simulator makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.packs import active_packs
from chimera_assets.packs.traffic import read_traffic
from chimera_assets.simulator.episodes import episodes
from chimera_assets.simulator.rows import stream_rows
from chimera_assets.simulator.seeded_traffic import SeededTraffic

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from chimera_assets.hours import HourRange


@dataclass(frozen=True)
class Outage:
    provider: str
    start: datetime
    end: datetime


def seeded(seed: int, rows_per_hour: int = 1) -> SeededTraffic:
    traffic = read_traffic(active_packs()[0])
    assert traffic is not None
    return SeededTraffic(traffic, seed, rows_per_hour)


def generations(seed: int, hours: HourRange, rows_per_hour: int) -> pl.DataFrame:
    return stream_rows(seeded(seed, rows_per_hour), "generations", hours)


def jailbreak_tests(seed: int, hours: HourRange, rows_per_hour: int) -> pl.DataFrame:
    return stream_rows(seeded(seed, rows_per_hour), "jailbreak_tests", hours)


def provider_health(seed: int, hours: HourRange) -> pl.DataFrame:
    return stream_rows(seeded(seed), "provider_health", hours)


def outages(seed: int, hours: HourRange) -> list[Outage]:
    """The outages that touch the hours."""
    found = episodes(seeded(seed), "outage", hours).select("provider", "start", "end")
    margin = timedelta(hours=1)
    return [
        Outage(**row)
        for row in found.iter_rows(named=True)
        if row["start"] - margin < hours.end and row["end"] + margin > hours.start
    ]
