"""Simulated rows of `generations`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.simulator.arrival import created_at
from chimera_assets.simulator.bad_rows import GENERATION_KINDS, damage
from chimera_assets.simulator.dice import choose, dice, heavy_tailed, pick, throws
from chimera_assets.simulator.rhythm import during, outages, traffic
from chimera_assets.simulator.world import (
    ERROR_CODES,
    MODELS,
    OUTAGE_CODES,
    TECHNIQUES,
    TENANTS,
    USERS_A_TENANT,
)

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange

COLUMNS = (
    "event_id", "timestamp", "tenant_id", "user_id", "provider", "model", "prompt_length",
    "response_length", "latency_ms", "success", "error_code", "techniques_applied", "tokens_used",
    "cost_usd", "created_at",
)  # fmt: skip

_THROWS = (
    "moment", "tenant", "user", "served", "prompt", "response", "pace", "fails", "code",
    "named", "transforms", "technique", "arrival", "bursts", "bad",
)  # fmt: skip

#: The gateway gives up after this long, so no answer takes longer.
_GIVES_UP_MS = 10_000.0
_CHARACTERS_A_TOKEN = 4
_BURST_SECONDS = 300
_TRANSFORMED = 0.18
_NAMELESS = 0.04
_FAILING = {"down": 0.85, "unwell": 0.2, "burst": 0.12, "usual": 0.02}
_UNWELL = timedelta(minutes=15)


def generations(seed: int, hours: HourRange, rows_per_hour: int) -> pl.DataFrame:
    """The rows of the hours, columns as in the table, techniques as text joined by commas."""
    thrown = pl.concat([_thrown(seed, hour, rows_per_hour) for hour in hours])
    rows = _requests(thrown)
    rows = _outcomes(rows, seed, hours)
    rows = _figures(rows).with_columns(created_at=created_at("arrival"))
    return damage(rows, GENERATION_KINDS).select(COLUMNS)


def _thrown(seed: int, hour: datetime, rows_per_hour: int) -> pl.DataFrame:
    expected = traffic(seed, hour, rows_per_hour)
    chance = dice(seed, "generations", hour.isoformat())
    tenant = list(TENANTS)[int(chance.random() * len(TENANTS))]
    start = chance.random() * (3600 - _BURST_SECONDS)
    rounding = chance.random()
    hour_number = int(hour.timestamp()) // 3600
    return throws(chance, _THROWS, expected.rows).with_columns(
        event_id=pl.format(
            "g-{}-{}-{}", pl.lit(seed), pl.lit(f"{hour:%Y%m%d%H}"), pl.int_range(pl.len())
        ),
        hour=pl.lit(hour, dtype=pl.Datetime("us", "UTC")),
        in_burst=(pl.col("bursts") < 0.4) & expected.burst,  # noqa: PLR2004 - of the hour's rows
        burst_tenant=pl.lit(tenant),
        burst_start=pl.lit(start),
        bad_rounding=pl.lit(rounding),
        # As many as an ordinary hour has bad rows, so that the kinds take turns.
        bad_kind=pl.lit(hour_number * 5),
    )


def _requests(thrown: pl.DataFrame) -> pl.DataFrame:
    """Who asked which model, and when."""
    served = MODELS[pick(thrown["served"], MODELS["weight"].to_list())]
    seconds = (
        pl.when("in_burst")
        .then(pl.col("burst_start") + pl.col("moment") * _BURST_SECONDS)
        .otherwise(pl.col("moment") * 3600)
    )
    tenant = pl.when("in_burst").then("burst_tenant").otherwise(choose(thrown["tenant"], TENANTS))
    # Squared, so that some users ask much more often than others.
    user = (pl.col("user") ** 2 * USERS_A_TENANT).cast(pl.Int64)
    technique = choose(thrown["technique"], TECHNIQUES)
    return (
        thrown.hstack(served)
        .with_columns(
            timestamp=pl.col("hour") + pl.duration(microseconds=(seconds * 1e6).cast(pl.Int64)),
            tenant_id=tenant,
            techniques_applied=pl.when(pl.col("transforms") < _TRANSFORMED)
            .then(technique)
            .otherwise(pl.lit("")),
        )
        .with_columns(
            user_id=pl.when(pl.col("named") >= _NAMELESS).then(
                pl.format("u-{}-{}", "tenant_id", user)
            )
        )
    )


def _outcomes(rows: pl.DataFrame, seed: int, hours: HourRange) -> pl.DataFrame:
    """How each request ended: latency, success and error code."""
    found = outages(seed, hours)
    down = during(found, "provider", "timestamp", margin=timedelta())
    unwell = during(found, "provider", "timestamp", margin=_UNWELL)
    failing = (
        pl.when(down)
        .then(_FAILING["down"])
        .when(unwell)
        .then(_FAILING["unwell"])
        .when("in_burst")
        .then(_FAILING["burst"])
        .otherwise(_FAILING["usual"])
    )
    usual, broken = choose(rows["code"], ERROR_CODES), choose(rows["code"], OUTAGE_CODES)
    response = heavy_tailed("response", median=120, shape=2.5).clip(1, 4000).cast(pl.Int64)
    latency = heavy_tailed(
        "pace", median=pl.col("first_ms") + pl.col("token_ms") * response, shape=6
    ) * pl.when(unwell).then(2.0).otherwise(1.0)
    refused = heavy_tailed("pace", median=60, shape=1.8).clip(2, 3000)
    return (
        rows.with_columns(
            response_tokens=response,
            latency_ms=latency,
            error_code=pl.when(pl.col("fails") < failing).then(
                pl.when(unwell).then(broken).otherwise(usual)
            ),
        )
        .with_columns(
            error_code=pl.when(pl.col("error_code").is_null() & (latency > _GIVES_UP_MS))
            .then(pl.lit("timeout"))
            .otherwise("error_code"),
            refused_ms=refused,
        )
        .with_columns(
            success=pl.col("error_code").is_null(),
            latency_ms=pl.when(pl.col("error_code") == "timeout")
            .then(_GIVES_UP_MS - 5 * pl.col("fails"))
            .when(pl.col("error_code").is_not_null())
            .then("refused_ms")
            .otherwise("latency_ms")
            .round(2),
        )
    )


def _figures(rows: pl.DataFrame) -> pl.DataFrame:
    """Lengths, tokens and cost; what failed gave no text and is not billed."""
    prompt = heavy_tailed("prompt", median=300, shape=1.8).clip(3, 16_000).cast(pl.Int64)
    response = pl.col("response_tokens")
    cost = (prompt * pl.col("usd_per_m_in") + response * pl.col("usd_per_m_out")) / 1e6
    billed = pl.col("success")
    odd = (pl.col("code") * _CHARACTERS_A_TOKEN).cast(pl.Int64)
    return rows.with_columns(
        prompt_length=prompt * _CHARACTERS_A_TOKEN + odd,
        response_length=pl.when(billed).then(response * _CHARACTERS_A_TOKEN + odd).otherwise(0),
        tokens_used=pl.when(billed).then(prompt + response).otherwise(0),
        cost_usd=pl.when(billed).then(cost.round(8)).otherwise(0.0),
    )
