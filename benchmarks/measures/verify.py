"""`chimera verify` over days of a million rows each: every promise recounted.

Nine days by default, for a tenth of the time that 90 days may take; `--rows 90000000` makes the
whole 90. The rows go into `raw` as they are made and are judged and staged by the pipeline's own
functions; facts and aggregates are made from what was staged.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import PROVIDERS, START, generations, with_hours
from benchmarks.outcome import Goal, Outcome
from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.quality import stage_hours, stage_reference
from chimera_assets.reconciliation.aggregates import from_facts
from chimera_assets.run_context import RunContext
from chimera_assets.sources.batch import Batch

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 9_000_000

_ROWS_A_DAY = 1_000_000
_SECONDS_A_DAY = 60 / 90
_BAD = 0.003


def measure(rows: int, home: Path) -> Outcome:
    """Build the lake, then verify it; whatever fails is an error, for nothing is wrong with it."""
    from chimera_assets.reconciliation.verify import verify

    lake = Lake(str(home / "lake"))
    days = max(1, rows // _ROWS_A_DAY)
    started = time.perf_counter()
    take_providers(lake)
    for day in range(days):
        _build(lake, day, min(rows, _ROWS_A_DAY))
    built = time.perf_counter() - started
    started = time.perf_counter()
    found = verify(Lake(lake.uri), contracts(), with_facts={"generations"})
    seconds = time.perf_counter() - started
    if found.failures or found.hours != 24 * days:
        msg = f"expected {24 * days} whole hours, found {found.hours}, {found.failures[:3]}"
        raise RuntimeError(msg)
    return Outcome(
        rows=rows,
        ours=seconds,
        goals=(Goal("seconds", _SECONDS_A_DAY * days),),
        details={
            "days": days,
            "building_seconds": built,
            "rows_read": found.rows,
            "checked": found.checked,
        },
    )


def take_providers(lake: Lake) -> None:
    """Give a lake the providers that the rows are of."""
    contract = contracts()["providers"]
    schema = {column.name: column.polars_type for column in contract.columns}
    rows = pl.DataFrame(
        {"provider_id": list(PROVIDERS), "provider_name": list(PROVIDERS)},
        schema={name: schema[name] for name in ("provider_id", "provider_name")},
    )
    missing = [pl.lit(None, kind).alias(name) for name, kind in schema.items()]
    whole = rows.with_columns(each for each in missing if each.meta.output_name() not in rows)
    batch = Batch.new("providers", START)
    lake.table("raw", "providers").overwrite(_with_batch(whole.select(list(schema)), batch))
    stage_reference(RunContext(lake, START, "bench"), contract)


def _build(lake: Lake, day: int, rows: int) -> None:
    """A day in all layers; its hours are even, with the keys in order."""
    start = START + timedelta(days=day)
    hours = HourRange(start, start + timedelta(days=1))
    build_hours(
        lake,
        hours,
        made=generations(rows, hours=len(hours), start=start, first=day * rows, bad=_BAD),
    )


def build_hours(lake: Lake, hours: HourRange, made: pl.DataFrame) -> None:
    """Give a lake rows of `generations` in all layers."""
    now = hours.end
    raw = _with_batch(
        with_hours(made).drop("_batch_id", "_ingested_at"), Batch.new("generations", now)
    )
    lake.table("raw", "generations").write_hours(raw, hours)
    stage_hours(RunContext(lake, now, f"bench-{hours}"), contracts()["generations"], hours)
    facts = lake.table("staged", "generations").read(hours).collect()
    unpriced = pl.lit(None, pl.Decimal(38, 15)).alias("computed_cost_usd")
    lake.table("marts", "fact_generations").write_hours(facts.with_columns(unpriced), hours)
    for aggregate in active_aggregates():
        if "fact_generations" in aggregate.facts:
            sums = from_facts(aggregate, lake, [hours])
            lake.table("aggregates", aggregate.table).write_hours(sums, hours)


def _with_batch(rows: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    """What extraction adds to rows that could all be read."""
    return rows.with_columns(
        pl.lit(None, pl.String).alias("_unreadable"),
        pl.lit(batch.batch_id).alias("_batch_id"),
        pl.lit(batch.ingested_at).cast(pl.Datetime("us", "UTC")).alias("_ingested_at"),
    )
