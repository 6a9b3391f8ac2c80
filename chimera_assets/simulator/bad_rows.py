"""Rows that break a rule, each in its own way: three in a thousand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD_SHARE = 0.003
#: An hour with more than 1% of bad rows is not published: stay clear of that.
MOST_BAD = 0.008

_FUTURE = pl.col("created_at") + timedelta(days=1)

#: Kind of damage -> the columns it changes.
Kinds = dict[str, dict[str, pl.Expr]]

GENERATION_KINDS: Kinds = {
    "null_provider": {"provider": pl.lit(None)},
    "unknown_provider": {"provider": pl.lit("nobody")},
    "negative_tokens": {"tokens_used": -1 - pl.col("tokens_used")},
    "endless_latency": {"latency_ms": pl.lit(99_999.0)},
    "negative_latency": {"latency_ms": -1 - pl.col("latency_ms")},
    "nan_cost": {"cost_usd": pl.lit(float("nan"))},
    "negative_cost": {"cost_usd": -1 - pl.col("cost_usd")},
    "null_success": {"success": pl.lit(None)},
    "future_timestamp": {"timestamp": _FUTURE},
    "null_timestamp": {"timestamp": pl.lit(None)},
    "null_tenant": {"tenant_id": pl.lit(None)},
    "empty_model": {"model": pl.lit("")},
    "negative_prompt": {"prompt_length": -1 - pl.col("prompt_length")},
    "success_with_error": {"success": pl.lit(value=True), "error_code": pl.lit("server_error")},
}

JAILBREAK_KINDS: Kinds = {
    "bad_test_type": {"test_type": pl.col("test_type").str.to_uppercase() + " v2"},
    "asr_mismatch": {"asr_rate": (pl.col("asr_rate") + 0.25) % 1},
    "more_successes_than_attempts": {
        "successful_mutations": pl.col("iterations") + 2,
        "asr_rate": (pl.col("iterations") + 2) / pl.col("iterations"),
    },
    "null_tenant": {"tenant_id": pl.lit(None)},
    "future_timestamp": {"timestamp": _FUTURE},
    "null_timestamp": {"timestamp": pl.lit(None)},
    "null_test_type": {"test_type": pl.lit(None)},
}


def damage(rows: pl.DataFrame, kinds: Kinds) -> pl.DataFrame:
    """The rows, a few of them damaged, all kinds in turn.

    Args:
        rows: The table's columns, and: `hour`, the hour they are kept under; `bad`, a throw, of
            which the lowest in an hour are damaged; the same in all rows of an hour, `bad_rounding`
            (0 to 1, from 0 for rounding their number down) and `bad_kind` (which kind is next).
        kinds: The ways to break a row.

    Returns:
        The same rows in any order. A damaged row arrives in its hour, so that its hour stays the
        same whatever its timestamp says.
    """
    size = pl.len().over("hour")
    wanted = (size * BAD_SHARE + pl.col("bad_rounding")).floor()
    most = (size * MOST_BAD).floor()
    rank = pl.col("bad").rank("ordinal").over("hour").cast(pl.Int64) - 1
    turn = (pl.col("bad_kind") + rank) % len(kinds)
    marked = rows.with_columns(
        turn=pl.when(rank < pl.min_horizontal(wanted, most)).then(turn),
    )
    whole = marked.filter(pl.col("turn").is_null())
    broken = [
        _in_hour(marked.filter(pl.col("turn") == number)).with_columns(**_typed(change, rows))
        for number, change in enumerate(kinds.values())
    ]
    return pl.concat([whole, *broken])


def _in_hour(rows: pl.DataFrame) -> pl.DataFrame:
    last = pl.col("hour") + timedelta(minutes=59, seconds=59)
    return rows.with_columns(created_at=pl.min_horizontal("created_at", last))


def _typed(change: Mapping[str, pl.Expr], rows: pl.DataFrame) -> dict[str, pl.Expr]:
    return {column: value.cast(rows.schema[column]) for column, value in change.items()}
