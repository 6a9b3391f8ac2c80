"""Simulated rows of `provider_health`: every provider is probed every five minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.simulator.arrival import created_at
from chimera_assets.simulator.dice import dice, heavy_tailed, throws
from chimera_assets.simulator.rhythm import during, outages
from chimera_assets.simulator.world import PROVIDER_IDS

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange

COLUMNS = (
    "check_id", "timestamp", "provider_id", "status", "latency_ms", "error_rate", "created_at",
)  # fmt: skip

_EVERY = timedelta(minutes=5)
_PROBES_AN_HOUR = 12
_UNWELL = timedelta(minutes=15)
_HICCUP_SHARE = 0.004


def provider_health(seed: int, hours: HourRange) -> pl.DataFrame:
    """The rows of the hours, columns as in the table. None is damaged: an hour has too few."""
    rows = pl.concat([_probes(seed, hour) for hour in hours])
    found = outages(seed, hours)
    down = during(found, "provider_id", "timestamp", margin=timedelta())
    unwell = during(found, "provider_id", "timestamp", margin=_UNWELL)
    hiccup = pl.col("luck") < _HICCUP_SHARE
    status = pl.when(down).then(pl.lit("down")).when(unwell | hiccup).then(pl.lit("degraded"))
    slowness = {"down": 4000.0, "degraded": 700.0, "healthy": 120.0}
    errors = {"down": 0.85, "degraded": 0.2, "healthy": 0.02}
    rows = rows.with_columns(status=status.otherwise(pl.lit("healthy"))).with_columns(
        typical_ms=pl.col("status").replace_strict(slowness, return_dtype=pl.Float64),
        typical_rate=pl.col("status").replace_strict(errors, return_dtype=pl.Float64),
    )
    return rows.with_columns(
        latency_ms=heavy_tailed("pace", median=pl.col("typical_ms"), shape=5).clip(1, 10_000),
        error_rate=(pl.col("typical_rate") * (0.7 + 0.4 * pl.col("luck"))).round(4),
        created_at=created_at("arrival"),
    ).select(COLUMNS)


def _probes(seed: int, hour: datetime) -> pl.DataFrame:
    chance = dice(seed, "provider_health", hour.isoformat())
    rows = len(PROVIDER_IDS) * _PROBES_AN_HOUR
    slot = pl.int_range(rows, dtype=pl.Int64) % _PROBES_AN_HOUR
    return (
        throws(chance, ("moment", "pace", "luck", "arrival"), rows)
        .with_columns(
            hour=pl.lit(hour, dtype=pl.Datetime("us", "UTC")),
            slot=slot,
            provider_id=pl.Series([p for p in PROVIDER_IDS for _ in range(_PROBES_AN_HOUR)]),
        )
        .with_columns(
            timestamp=pl.col("hour")
            + pl.col("slot") * _EVERY
            + pl.duration(milliseconds=(pl.col("moment") * 3000).cast(pl.Int64)),
            check_id=pl.format(
                "h-{}-{}-{}-{}", pl.lit(seed), pl.lit(f"{hour:%Y%m%d%H}"), "provider_id", "slot"
            ),
        )
    )
