"""Rows of generations, good and damaged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract

HOUR = datetime(2026, 1, 31, 5, tzinfo=UTC)
REFERENCES = {"providers.provider_id": pl.Series(["openai", "anthropic", "azure"])}


def good_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A generation that breaks no rule, but for what `changes` say."""
    moment = HOUR + timedelta(seconds=number % 3600)
    row = {
        "event_id": f"e{number}",
        "timestamp": moment,
        "tenant_id": "acme",
        "user_id": "u1",
        "provider": "openai",
        "model": "gpt-4o",
        "prompt_length": 100,
        "response_length": 200,
        "latency_ms": 350.0 + number % 7,
        "success": True,
        "error_code": None,
        "techniques_applied": ["base64"],
        "tokens_used": 80,
        "cost_usd": 0.01,
        "created_at": moment + timedelta(seconds=1),
        "hour_partition": date(2026, 1, 31),
        "hour": 5,
    }
    return row | changes


def frame_of(contract: Contract, rows: list[dict[str, Any]]) -> pl.DataFrame:
    hours = {"hour_partition": pl.Date(), "hour": pl.Int32()}
    return pl.DataFrame(rows, schema=dict(contract.polars_schema()) | hours)
