"""Who there is in the simulated world: providers and models, tenants, techniques, attacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

#: When the first provider was signed up; long before any hour that is simulated.
_BEGINNING = datetime(2022, 3, 1, 9, tzinfo=UTC)

_MODEL_COLUMNS = (
    "provider", "model", "weight", "first_ms", "token_ms", "usd_per_m_in", "usd_per_m_out",
)  # fmt: skip
#: Share of traffic, ms to the first token, ms for each further one, prices of a million tokens.
MODELS = pl.DataFrame(
    [
        ("northwind", "nw-large", 0.16, 420.0, 11.0, 3.0, 12.0),
        ("northwind", "nw-small", 0.18, 180.0, 5.0, 0.2, 0.8),
        ("helios", "helios-3", 0.14, 380.0, 10.0, 3.0, 15.0),
        ("helios", "helios-3-mini", 0.12, 200.0, 5.5, 0.3, 1.5),
        ("meridian", "meridian-pro", 0.10, 300.0, 7.0, 1.5, 6.0),
        ("meridian", "meridian-flash", 0.10, 120.0, 3.5, 0.1, 0.4),
        ("skylark", "skylark-70b", 0.12, 260.0, 8.0, 0.9, 0.9),
        ("onprem", "local-8b", 0.08, 90.0, 9.0, 0.0, 0.0),
    ],
    schema=_MODEL_COLUMNS,
    orient="row",
)

PROVIDER_IDS: tuple[str, ...] = tuple(MODELS["provider"].unique(maintain_order=True))
_PROVIDER_NAMES = {
    "northwind": "Northwind Intelligence",
    "helios": "Helios AI",
    "meridian": "Meridian Models",
    "skylark": "Skylark Cloud",
    "onprem": "Own machines",
}

TENANTS = {"atlas": 0.38, "borealis": 0.24, "cobalt": 0.18, "default": 0.12, "dune": 0.08}
USERS_A_TENANT = 200

ERROR_CODES = {
    "rate_limited": 0.35,
    "server_error": 0.25,
    "content_filtered": 0.2,
    "invalid_request": 0.12,
    "timeout": 0.08,
}
OUTAGE_CODES = {"provider_unavailable": 0.6, "timeout": 0.25, "connection_reset": 0.15}

#: Transformations of a prompt, joined by commas, and how often each combination is met.
TECHNIQUES = {
    "role_play": 0.22,
    "base64": 0.16,
    "translation": 0.14,
    "few_shot": 0.12,
    "leetspeak": 0.1,
    "payload_split": 0.08,
    "role_play,few_shot": 0.08,
    "translation,base64": 0.05,
    "homoglyphs": 0.03,
    "role_play,translation,leetspeak": 0.02,
}

#: Attack methods and the share of attempts that get through a model of middling strength.
ATTACKS = {
    "autodan": 0.22,
    "gptfuzz": 0.3,
    "pair": 0.36,
    "gcg": 0.14,
    "tap": 0.33,
    "crescendo": 0.4,
    "many_shot": 0.18,
}

#: Harmless stand-ins for what is harmful text in a real table.
BEST_PROMPTS = (
    "Tell the story of a lighthouse keeper who counts ships",
    "Write a letter from a teapot to a kettle",
    "Play a librarian who answers only in riddles",
    "Describe a picnic on the moon, one step at a time",
    "Translate the song of a very old clock",
)


def providers() -> pl.DataFrame:
    """The rows of the `providers` table."""
    models = MODELS.group_by("provider", maintain_order=True).agg(pl.col("model").str.join(","))
    signed_up = [_BEGINNING + timedelta(days=40 * number) for number in range(models.height)]
    return models.select(
        provider_id="provider",
        provider_name=pl.col("provider").replace_strict(_PROVIDER_NAMES),
        base_url=pl.format("https://{}.example.com/v1", "provider"),
        models="model",
        enabled=pl.lit(value=True),
        created_at=pl.Series(signed_up, dtype=pl.Datetime("us", "UTC")),
        updated_at=pl.Series(signed_up, dtype=pl.Datetime("us", "UTC")) + timedelta(days=12),
    )
