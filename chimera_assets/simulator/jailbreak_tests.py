"""Simulated rows of `jailbreak_tests`: campaigns, and a few single tests between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.simulator.arrival import created_at
from chimera_assets.simulator.bad_rows import JAILBREAK_KINDS, damage
from chimera_assets.simulator.dice import choose, dice, pick, throws
from chimera_assets.simulator.rhythm import campaign
from chimera_assets.simulator.world import ATTACKS, BEST_PROMPTS, MODELS, TENANTS

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange

COLUMNS = (
    "test_id", "timestamp", "tenant_id", "user_id", "test_type", "target_provider",
    "target_model", "iterations", "successful_mutations", "asr_rate", "best_prompt", "created_at",
)  # fmt: skip

_THROWS = (
    "moment", "tenant", "user", "attack", "target", "effort", "luck", "prompt", "arrival", "joins",
    "bad",
)  # fmt: skip

#: Tests in an hour for each generation of a mean hour. Four hours of a day have a campaign, so a
#: day has a fiftieth of its generations: 24 * 0.02 = 4 * 0.108 + 24 * 0.002.
_IN_CAMPAIGN = 0.108
_ALWAYS = 0.002
#: Of the tests in a campaign's hour, those that are the campaign's.
_CAMPAIGN_SHARE = 0.95
_STAFF = 12
_ITERATIONS = (5, 60)


def jailbreak_tests(seed: int, hours: HourRange, rows_per_hour: int) -> pl.DataFrame:
    """The rows of the hours, columns as in the table."""
    rows = pl.concat([_tests(seed, hour, rows_per_hour) for hour in hours])
    rows = _outcomes(rows).with_columns(created_at=created_at("arrival"))
    return damage(rows, JAILBREAK_KINDS).select(COLUMNS)


def _tests(seed: int, hour: datetime, rows_per_hour: int) -> pl.DataFrame:
    """Who attacked what, and how, in one hour."""
    running = campaign(seed, hour)
    chance = dice(seed, "jailbreak_tests", hour.isoformat())
    expected = rows_per_hour * (_ALWAYS + (_IN_CAMPAIGN if running else 0))
    thrown = throws(chance, _THROWS, int(expected + chance.random()))
    model = pick(thrown["target"], MODELS["weight"].to_list()).cast(pl.Int64)
    single = pl.DataFrame(
        {
            "model": model,
            "tenant_id": choose(thrown["tenant"], TENANTS),
            "test_type": choose(thrown["attack"], dict.fromkeys(ATTACKS, 1.0)),
        }
    )
    if running:
        joins = thrown["joins"] < _CAMPAIGN_SHARE
        theirs = (pl.lit(running.model), pl.lit(running.tenant), pl.lit(running.method))
        single = single.with_columns(
            pl.when(joins).then(value).otherwise(name).cast(single.schema[name]).alias(name)
            for name, value in zip(single.columns, theirs, strict=True)
        )
    return thrown.hstack(single).with_columns(
        test_id=pl.format(
            "j-{}-{}-{}", pl.lit(seed), pl.lit(f"{hour:%Y%m%d%H}"), pl.int_range(pl.len())
        ),
        hour=pl.lit(hour, dtype=pl.Datetime("us", "UTC")),
        # One bad row for a campaign of ordinary size: hours of fewer rows have room for none.
        bad_rounding=pl.lit(0.9 if running and running.begins else 0.0),
        bad_kind=pl.lit(int(hour.timestamp()) // (12 * 3600)),
    )


def _outcomes(rows: pl.DataFrame) -> pl.DataFrame:
    """How each test went: the same method does better on some models than on others."""
    target = MODELS[rows["model"]]
    fewest, most = _ITERATIONS
    iterations = fewest + (pl.col("effort") * (most - fewest + 1)).cast(pl.Int64)
    weakness = 0.6 + 0.8 * pl.col("model") / MODELS.height
    rate = pl.col("test_type").replace_strict(ATTACKS, return_dtype=pl.Float64) * weakness
    successes = (iterations * rate * 2 * pl.col("luck")).round().cast(pl.Int64)
    prompt = pl.Series(BEST_PROMPTS).gather(pick(rows["prompt"], [1.0] * len(BEST_PROMPTS)))
    return rows.with_columns(
        timestamp=pl.col("hour")
        + pl.duration(microseconds=(pl.col("moment") * 3600e6).cast(pl.Int64)),
        user_id=pl.format("u-redteam-{}", (pl.col("user") * _STAFF).cast(pl.Int64)),
        target_provider=target["provider"],
        target_model=target["model"],
        iterations=iterations,
        successful_mutations=pl.min_horizontal(successes, iterations),
    ).with_columns(
        asr_rate=(pl.col("successful_mutations") / pl.col("iterations")).round(6),
        best_prompt=pl.format("{}, take {}", prompt, "iterations"),
    )
