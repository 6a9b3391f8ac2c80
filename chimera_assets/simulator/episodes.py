"""What has a beginning and an end: outages, campaigns and the like, once in each block of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import ONE_HOUR
from chimera_assets.packs.traffic.expressions import parsed
from chimera_assets.packs.traffic.times import HOURS_A_DAY
from chimera_assets.simulator.columns import computed
from chimera_assets.simulator.random_draws import seeded_random, uniform_draws

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange
    from chimera_assets.simulator.seeded_traffic import SeededTraffic

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def episodes(seeded: SeededTraffic, kind: str, hours: HourRange) -> pl.DataFrame:
    """The episodes of a kind around the hours: `start`, `end`, their throws and columns."""
    episode = seeded.traffic.episodes[kind]
    length = episode.every_hours
    first, last = (int((edge - _EPOCH) / ONE_HOUR) // length for edge in (hours.start, hours.end))
    # One that began in the block before may still be on, or its margin, or that of the next.
    rows = [
        {
            "seed": seeded.seed,
            "block": block,
            "_begins": _EPOCH + block * length * ONE_HOUR,
            **{name: thrown[0] for name, thrown in _thrown(seeded, kind, block, length).items()},
        }
        for block in range(first - 1, last + 2)
    ]
    begins = pl.col("_begins").cast(pl.Datetime("us", "UTC"))
    made = computed(pl.LazyFrame(rows), episode.columns, seeded, {})
    start = begins + _minutes(parsed(episode.start_minute))
    return made.with_columns(start=start, end=start + _minutes(parsed(episode.minutes))).collect()


def _thrown(seeded: SeededTraffic, kind: str, block: int, length: int) -> dict[str, list[float]]:
    """An episode's throws; parts of a day are counted within their day, longer blocks from 1970."""
    begins = _EPOCH + block * length * ONE_HOUR
    part = (begins.date(), begins.hour // length) if length < HOURS_A_DAY else (block,)
    return uniform_draws(
        seeded_random(seeded.seed, kind, *part), seeded.traffic.episodes[kind].throws, 1
    )


def _minutes(number: pl.Expr) -> pl.Expr:
    return pl.duration(microseconds=(number * (timedelta(minutes=1) // timedelta.resolution)))
