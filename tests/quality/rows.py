"""Raw rows of generations, as a source gives them, and damages to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts import load_contracts
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.contracts import Contract

HOUR = datetime(2026, 1, 31, 5, tzinfo=UTC)
PROVIDERS = ("openai", "anthropic")
REFERENCES = {"providers.provider_id": pl.Series(PROVIDERS)}
UTC_TIME = pl.Datetime("us", "UTC")

RAW: dict[str, Any] = {
    "hour_partition": pl.Date,
    "hour": pl.Int32,
    "_batch_id": pl.String,
    "_ingested_at": UTC_TIME,
    "_unreadable": pl.String,
}


@lru_cache(maxsize=1)
def shipped() -> dict[str, Contract]:
    return load_contracts([SHIPPED])


def good_row(number: int = 0, hour: datetime = HOUR, **changes: Any) -> dict[str, Any]:
    """A raw row that breaks no rule, but for what `changes` say."""
    moment = hour + timedelta(seconds=number % 3600)
    row = {
        "event_id": f"e-{hour:%H}-{number}",
        "timestamp": moment,
        "tenant_id": "acme",
        "user_id": "u1",
        "provider": PROVIDERS[number % 2],
        "model": "m-1",
        "prompt_length": 100,
        "response_length": 200,
        "latency_ms": 350.0 + number % 7,
        "success": True,
        "error_code": None,
        "techniques_applied": ["base64"],
        "tokens_used": 80,
        "cost_usd": 0.01,
        "created_at": moment + timedelta(seconds=1),
        "hour_partition": hour.date(),
        "hour": hour.hour,
        "_batch_id": "batch",
        "_ingested_at": hour + timedelta(hours=1),
        "_unreadable": None,
    }
    return row | changes


def raw_frame(contract: Contract, rows: Sequence[dict[str, Any]], **further: Any) -> pl.DataFrame:
    """The rows in the types of a raw table; `further` names columns beside them."""
    return pl.DataFrame(rows, schema=dict(contract.polars_schema()) | RAW | further)
