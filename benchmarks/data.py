"""Generation rows for any number of rows and hours, the same for the same seed.

Every value is a function of the row's number and the seed, so that nothing is kept between calls
and any part of the rows can be made alone.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import polars as pl

from chimera_assets.contracts import contracts

#: The first hour of everything that is measured.
START = datetime(2026, 1, 5, tzinfo=UTC)

PROVIDERS = ("openai", "anthropic", "azure", "mistral", "google")
MODELS = ("gpt-5", "gpt-5-mini", "claude-4", "claude-4-haiku", "mistral-large", "gemini-3")
ERRORS = ("timeout", "rate_limited", "content_filter", "server_error")
TECHNIQUES = ("role_play", "base64", "translation", "payload_split", "prefix_injection")

#: The types of the columns of `generations` that have values here.
WITH_VALUES = pl.Schema(
    [
        ("event_id", pl.String),
        ("timestamp", pl.Datetime("us", "UTC")),
        ("tenant_id", pl.String),
        ("user_id", pl.String),
        ("provider", pl.String),
        ("model", pl.String),
        ("prompt_length", pl.Int64),
        ("response_length", pl.Int64),
        ("latency_ms", pl.Float64),
        ("success", pl.Boolean),
        ("error_code", pl.String),
        ("techniques_applied", pl.List(pl.String)),
        ("tokens_used", pl.Int64),
        ("cost_usd", pl.Float64),
        ("created_at", pl.Datetime("us", "UTC")),
    ]
)

_PROMPT_BYTES = 100_000
_HOUR_MICROSECONDS = 3_600_000_000
#: Of these many bad rows, each breaks another rule.
_KINDS_OF_BAD = 4


def generations(  # noqa: PLR0913 - each is one thing that a measure varies
    rows: int,
    *,
    hours: int = 1,
    start: datetime = START,
    seed: int = 1,
    bad: float = 0.0,
    first: int = 0,
) -> pl.DataFrame:
    """Rows of the operational table `generations`.

    Args:
        rows: How many.
        hours: Over how many hours they are spread, evenly and in order.
        start: The first of these hours.
        seed: Other seeds give other values.
        bad: The share of rows that break a rule of severity `error`.
        first: The number of the first row; rows of other numbers have other keys.

    Returns:
        The columns of the contract `generations`, in its types and order; null are those that a
        source need not have.
    """
    number = pl.col("number")
    numbers = pl.LazyFrame(
        {"number": pl.int_range(first, first + rows, dtype=pl.Int64, eager=True)}
    )
    hour = ((number - first) * hours) // max(rows, 1)
    since_start = hour * _HOUR_MICROSECONDS + _whole(seed, "time", _HOUR_MICROSECONDS)
    made = numbers.with_columns(
        event_id=pl.format("evt-{}-{}", pl.lit(seed), number),
        timestamp=pl.lit(start).dt.cast_time_unit("us") + since_start.cast(pl.Duration("us")),
        tenant_id=pl.format("tenant-{}", _whole(seed, "tenant", 8)),
        user_id=pl.format("user-{}", _whole(seed, "user", 20_000)),
        provider=_one_of(seed, "provider", PROVIDERS),
        model=_one_of(seed, "model", MODELS),
        prompt_length=_whole(seed, "prompt", 8_000),
        response_length=_whole(seed, "response", 4_000),
        latency_ms=(_share(seed, "latency") * 5.0).exp() * 50.0,
        success=_share(seed, "success") < 0.96,  # noqa: PLR2004
        error_code=_one_of(seed, "error", ERRORS),
        techniques_applied=_techniques(seed),
        tokens_used=_whole(seed, "tokens", 3_000) + 1,
        cost_usd=_share(seed, "cost") * 0.05,
        created_late=_whole(seed, "late", 30_000_000),
    ).with_columns(
        error_code=pl.when("success").then(None).otherwise("error_code"),
        created_at=pl.col("timestamp") + pl.col("created_late").cast(pl.Duration("us")),
    )
    schema = contracts()["generations"].polars_schema()
    others = [
        pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in WITH_VALUES
    ]
    return (
        _spoilt(made, seed, bad).with_columns(others).select(schema.names()).cast(schema).collect()
    )


def jailbreak_tests(rows: int, *, first: int = 0, start: datetime = START) -> pl.DataFrame:
    """Rows of the operational table `jailbreak_tests`, in one hour, with prompts of 100,000 bytes.

    Args:
        rows: How many.
        first: The number of the first row; rows of other numbers have other keys.
        start: The hour.
    """
    number = pl.col("number")
    numbers = pl.int_range(first, first + rows, dtype=pl.Int64, eager=True)
    moment = pl.lit(start).dt.cast_time_unit("us") + pl.duration(microseconds=number)
    # Text that no codec makes much smaller; each row's is another piece of it.
    text = random.Random(1).randbytes(_PROMPT_BYTES).hex()  # noqa: S311
    pieces = [text[at : at + _PROMPT_BYTES] for at in (numbers % _PROMPT_BYTES).to_list()]
    return pl.DataFrame({"number": numbers, "best_prompt": pieces}).select(
        test_id=pl.format("test-{}", number),
        timestamp=moment,
        tenant_id=pl.format("tenant-{}", number % 8),
        user_id=pl.format("user-{}", number % 100),
        test_type=pl.lit("role_play"),
        target_provider=pl.lit(PROVIDERS[0]),
        target_model=pl.lit(MODELS[0]),
        iterations=pl.lit(10, pl.Int32),
        successful_mutations=pl.lit(5, pl.Int32),
        asr_rate=pl.lit(0.5),
        best_prompt="best_prompt",
        created_at=moment,
    )


def _spoilt(rows: pl.LazyFrame, seed: int, share: float) -> pl.LazyFrame:
    if not share:
        return rows
    # Every so-manieth row, so that no hour happens to have too many and is blocked.
    kind = pl.when(pl.col("number") % round(1 / share) == 0).then(
        _whole(seed, "kind", _KINDS_OF_BAD)
    )
    return rows.with_columns(_kind=kind).with_columns(
        latency_ms=pl.when(pl.col("_kind") == 0).then(12_345.0).otherwise("latency_ms"),
        provider=pl.when(pl.col("_kind") == 1).then(pl.lit("nobody")).otherwise("provider"),
        tokens_used=pl.when(pl.col("_kind") == 2).then(-1).otherwise("tokens_used"),  # noqa: PLR2004
        model=pl.when(pl.col("_kind") == 3).then(None).otherwise("model"),  # noqa: PLR2004
    )


def _draw(seed: int, name: str) -> pl.Expr:
    salt = sum(ord(letter) * 31**place for place, letter in enumerate(name))
    return pl.col("number").hash(seed * 1_000_003 + salt % 1_000_003)


def _share(seed: int, name: str) -> pl.Expr:
    return (_draw(seed, name) % 1_000_003).cast(pl.Float64) / 1_000_003.0


def _whole(seed: int, name: str, below: int) -> pl.Expr:
    return (_draw(seed, name) % below).cast(pl.Int64)


def _one_of(seed: int, name: str, values: tuple[str, ...]) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(_whole(seed, name, len(values)))


def _techniques(seed: int) -> pl.Expr:
    one = _one_of(seed, "technique", TECHNIQUES)
    other = _one_of(seed, "technique2", ("few_shot", "suffix"))
    some = _whole(seed, "techniques", 10)
    return (
        pl.when(some == 0)
        .then(pl.concat_list(one, other))
        .when(some < 3)  # noqa: PLR2004
        .then(pl.concat_list(one))
        .otherwise(pl.lit([], dtype=pl.List(pl.String)))
    )


def with_hours(
    rows: pl.DataFrame, *, batch_id: str = "20260105T000500.000000Z-generations"
) -> pl.DataFrame:
    """The rows as they stand in `staged`: with hour_partition, hour, _batch_id, _ingested_at."""
    return rows.with_columns(
        hour_partition=pl.col("timestamp").dt.date(),
        hour=pl.col("timestamp").dt.hour().cast(pl.Int32),
        _batch_id=pl.lit(batch_id),
        _ingested_at=pl.lit(START + timedelta(days=200)).dt.cast_time_unit("us"),
    )
