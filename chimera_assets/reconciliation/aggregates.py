"""The aggregates made again from the facts, and compared with those that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake

    Read = Callable[[str, Sequence[str]], pl.LazyFrame]

PROVIDER_METRICS = "agg_provider_metrics"
TECHNIQUE_EFFECTIVENESS = "agg_technique_effectiveness"

#: Aggregate -> the tables of the layer `marts` that it is made from; only where all are there.
MADE_FROM = {
    PROVIDER_METRICS: ("fact_generations",),
    TECHNIQUE_EFFECTIVENESS: ("fact_generations", "fact_jailbreak_tests"),
}

_GRAIN = {
    PROVIDER_METRICS: (*HOUR_COLUMNS, "tenant_id", "provider", "model"),
    TECHNIQUE_EFFECTIVENESS: (
        *HOUR_COLUMNS,
        "tenant_id",
        "technique",
        "target_provider",
        "target_model",
    ),
}
_MEASURES = {
    PROVIDER_METRICS: (
        "total_requests",
        "successful_requests",
        "failed_requests",
        "total_tokens",
        "total_cost_usd",
    ),
    TECHNIQUE_EFFECTIVENESS: ("attempts", "successes"),
}

#: Sums of floating-point numbers differ by the order in which they are added.
_RELATIVE = 1e-9


def compared(name: str, lake: Lake, ranges: Sequence[HourRange]) -> pl.DataFrame:
    """Compare an aggregate with what its facts give.

    Args:
        name: A key of `MADE_FROM`.
        lake: The lake.
        ranges: The hours to compare.

    Returns:
        A row an hour and measure that differ: the hour columns, `measure`, `expected` and `found`
        (the hour's totals), `groups`: how many rows of the aggregate are wrong, missing or too
        many.
    """

    def read(path: str, columns: Sequence[str]) -> pl.LazyFrame:
        table = lake.table(*path.split("/"))
        return pl.concat([table.read(hours, columns) for hours in ranges])

    grain, measures = _GRAIN[name], _MEASURES[name]
    expected = _REMADE[name](read).collect(engine="streaming")
    kept = read(f"aggregates/{name}", [*grain, *measures]).collect(engine="streaming")
    numbers = [pl.col(column).cast(pl.Float64) for column in measures]
    both = expected.with_columns(numbers, _given=pl.lit(value=True)).join(
        kept.with_columns(numbers, _kept=pl.lit(value=True)),
        on=grain,
        how="full",
        coalesce=True,
        nulls_equal=True,
        suffix="_kept",
    )
    return pl.concat([_differing(both, measure) for measure in measures])


def _differing(both: pl.DataFrame, measure: str) -> pl.DataFrame:
    given, kept = pl.col(measure), pl.col(f"{measure}_kept")
    close = (given - kept).abs() <= _RELATIVE * pl.max_horizontal(given.abs(), kept.abs(), 1.0)
    same = (close | (given.is_null() & kept.is_null())).fill_null(value=False)
    there = (pl.col("_given") & pl.col("_kept")).fill_null(value=False)
    return (
        both.group_by(*HOUR_COLUMNS)
        .agg(
            measure=pl.lit(measure),
            expected=given.sum(),
            found=kept.sum(),
            groups=(~(same & there)).sum().cast(pl.Int64),
        )
        .filter(pl.col("groups") > 0)
        .sort(HOUR_COLUMNS)
    )


def _provider_metrics(read: Read) -> pl.LazyFrame:
    grain = _GRAIN[PROVIDER_METRICS]
    facts = read("marts/fact_generations", [*grain, "success", "tokens_used", "cost_usd"])
    cost = pl.col("cost_usd")
    return facts.group_by(grain).agg(
        total_requests=pl.len(),
        successful_requests=pl.col("success").sum(),
        failed_requests=(~pl.col("success")).sum(),
        total_tokens=pl.col("tokens_used").cast(pl.Int64).sum(),
        total_cost_usd=pl.when(cost.count() > 0).then(cost.sum()),
    )


def _technique_effectiveness(read: Read) -> pl.LazyFrame:
    """A generation counts once for each technique; a test brings its own attempts."""
    hour = [*HOUR_COLUMNS, "tenant_id"]
    techniques = pl.col("techniques_applied")
    applied = (
        read(
            "marts/fact_generations",
            [*hour, "provider", "model", "success", "techniques_applied"],
        )
        .filter(techniques.list.len() > 0)
        .select(
            *hour,
            technique=techniques.list.unique(),
            target_provider="provider",
            target_model="model",
            attempts=pl.lit(1, dtype=pl.Int64),
            successes=pl.col("success").cast(pl.Int64),
        )
        .explode("technique")
        .drop_nulls("technique")
    )
    tested = read(
        "marts/fact_jailbreak_tests",
        [
            *hour,
            "test_type",
            "target_provider",
            "target_model",
            "iterations",
            "successful_mutations",
        ],
    ).select(
        *hour,
        technique="test_type",
        target_provider="target_provider",
        target_model="target_model",
        attempts=pl.col("iterations").cast(pl.Int64).fill_null(0),
        successes=pl.col("successful_mutations").cast(pl.Int64).fill_null(0),
    )
    return (
        pl.concat([applied, tested])
        .group_by(_GRAIN[TECHNIQUE_EFFECTIVENESS])
        .agg(pl.col("attempts", "successes").sum())
    )


_REMADE: dict[str, Callable[[Read], pl.LazyFrame]] = {
    PROVIDER_METRICS: _provider_metrics,
    TECHNIQUE_EFFECTIVENESS: _technique_effectiveness,
}
