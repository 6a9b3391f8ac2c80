"""20 rules judged, against one hand-written Polars pass.

Both give the good rows, the bad rows, and how often each rule was broken; ours gives each bad row
its reasons, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.data import PROVIDERS, generations, with_hours
from benchmarks.outcome import Outcome, alternated
from chimera_assets.contracts import contracts
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.judge import Judge

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 5_000_000

#: The share of bad rows.
BAD = 0.003

_START_OF_HOUR = pl.col("hour_partition").cast(pl.Datetime("us", "UTC")) + pl.duration(
    hours=pl.col("hour")
)


def _too_long(name: str, least: int = 0) -> pl.Expr:
    return ~pl.col(name).str.len_bytes().is_between(least, 200)


def _not_at_least(name: str, least: float) -> pl.Expr:
    return pl.col(name) < least


#: Rule of the contract -> that a row breaks it, as one writes it by hand; null is no.
RULES = {
    "event_id_not_null": pl.col("event_id").is_null(),
    "event_id_length": _too_long("event_id", 1),
    "timestamp_not_null": pl.col("timestamp").is_null(),
    "timestamp_within_hour": ~pl.col("timestamp").is_between(
        _START_OF_HOUR, _START_OF_HOUR + pl.duration(hours=1), closed="left"
    ),
    "timestamp_not_in_future": pl.col("timestamp") > pl.col("created_at") + pl.duration(minutes=5),
    "tenant_id_not_null": pl.col("tenant_id").is_null(),
    "tenant_id_length": _too_long("tenant_id", 1),
    "user_id_length": _too_long("user_id"),
    "provider_not_null": pl.col("provider").is_null(),
    "provider_known": ~pl.col("provider").is_in(PROVIDERS),
    "model_not_null": pl.col("model").is_null(),
    "model_length": _too_long("model", 1),
    "prompt_length_range": _not_at_least("prompt_length", 0),
    "response_length_range": _not_at_least("response_length", 0),
    "latency_ms_range": ~pl.col("latency_ms").is_between(0, 10_000),
    "success_not_null": pl.col("success").is_null(),
    "tokens_used_not_null": pl.col("tokens_used").is_null(),
    "tokens_used_range": _not_at_least("tokens_used", 0),
    "cost_usd_range": ~pl.col("cost_usd").is_between(0, float("inf"), closed="left"),
    "success_without_error": pl.col("success") & (pl.col("error_code") != ""),
}


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - needs no folder
    """Judge rows in memory; both see the same frames, of the size that staging judges at a time."""
    frame = with_hours(generations(rows, bad=BAD))
    found: dict[str, tuple[int, int]] = {}

    def ours(_: int) -> None:
        found["ours"] = judged(frame)

    def floor(_: int) -> None:
        found["floor"] = by_hand(frame)

    outcome = alternated(rows, ours, floor, at_least=0.9)
    if found["ours"] != found["floor"]:
        msg = f"the two disagree on (bad rows, broken rules): {found}"
        raise RuntimeError(msg)
    outcome.details["bad_rows"] = found["ours"][0]
    return outcome


def judged(frame: pl.DataFrame) -> tuple[int, int]:
    """Judge the rows by the 20 rules; gives how many are bad, and how often a rule was broken."""
    contract = contracts()["generations"]
    rules = tuple(rule for rule in contract.rules if rule.name in RULES)
    if len(rules) != len(RULES):
        msg = f"not in the contract: {sorted(set(RULES) - {rule.name for rule in rules})}"
        raise RuntimeError(msg)
    judge = Judge(replace(contract, rules=rules), {"providers.provider_id": pl.Series(PROVIDERS)})
    suspects = [judge.screen(part).suspects for part in frame.iter_slices(FRAME_ROWS)]
    explained = judge.explain(pl.concat(suspects))
    return explained.rejected.height, int(explained.broken["failed"].sum())


def by_hand(frame: pl.DataFrame) -> tuple[int, int]:
    """The same two numbers, by one pass over each part of the rows."""
    bad = broken = 0
    for part in frame.iter_slices(FRAME_ROWS):
        flags = part.select(**RULES)
        broken += int(flags.sum().sum_horizontal().item())
        mask = flags.select(pl.any_horizontal(pl.all()).fill_null(value=False)).to_series()
        rejected = part.filter(mask)
        part.filter(~mask)
        bad += rejected.height
    return bad, broken
