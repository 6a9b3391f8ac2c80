"""The judge against a naive reading of the rules, row by row in plain Python."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.quality import READABLE, Judge
from chimera_assets.sources.landing.damage import NO_ROWS
from tests.quality.rows import HOUR, PROVIDERS, REFERENCES, good_row, raw_frame, shipped

NAN, INF = math.nan, math.inf
MICRO = timedelta(microseconds=1)
ONE_HOUR = timedelta(hours=1)

#: Values good and bad, on both sides of every bound.
DAMAGE: dict[str, list[Any]] = {
    "event_id": [None, "", "x" * 200, "x" * 201, "é" * 101],
    "timestamp": [None, HOUR - MICRO, HOUR, HOUR + ONE_HOUR - MICRO, HOUR + ONE_HOUR],
    "provider": [None, "nobody", "OpenAI", "openai"],
    "latency_ms": [None, -1.0, -0.0, 10_000.0, 10_000.5, NAN, INF, -INF],
    "success": [None, True, False],
    "error_code": [None, "", "timeout", "x" * 201],
    "techniques_applied": [None, [], ["a", ""], [None], ["a"] * 100, ["a"] * 101],
    "tokens_used": [None, -1, 0, 3_000_000],
    "cost_usd": [None, -0.01, 0.0, NAN, INF, 5_000.0],
    "created_at": [None, HOUR - timedelta(minutes=4), HOUR + timedelta(hours=2)],
    "_unreadable": [
        None,
        '{"created_at": "infinity"}',
        '{"_rule": "malformed_line", "_text": "{"}',
        '{"_rule": "corrupt_file", "_why": "cut off"}',
    ],
}

rows = st.lists(
    st.lists(
        st.sampled_from(sorted(DAMAGE)).flatmap(
            lambda name: st.tuples(st.just(name), st.sampled_from(DAMAGE[name]))
        ),
        max_size=4,
    ).map(dict),
    max_size=25,
)


def outside(value: float | None, low: float, high: float = INF) -> bool:
    return value is not None and (not math.isfinite(value) or not low <= value <= high)


def too_long(text: str | None, at_least: int = 0) -> bool:
    return text is not None and not at_least <= len(text.encode()) <= 200


def naive(row: dict[str, Any]) -> list[str]:
    """The names of the error rules that a row breaks, as the contract's words say."""
    never_a_row = json.loads(row["_unreadable"] or "{}").get("_rule")
    if never_a_row is not None:
        return [never_a_row]
    at, arrived = row["timestamp"], row["created_at"]
    techniques = row["techniques_applied"] or []
    broken = {
        "event_id_not_null": row["event_id"] is None,
        "event_id_length": too_long(row["event_id"], 1),
        "timestamp_not_null": at is None,
        "timestamp_within_hour": at is not None and not HOUR <= at < HOUR + ONE_HOUR,
        "timestamp_not_in_future": None not in {at, arrived}
        and at - arrived > timedelta(minutes=5),
        "provider_not_null": row["provider"] is None,
        "provider_known": row["provider"] not in {None, *PROVIDERS},
        "latency_ms_range": outside(row["latency_ms"], 0, 10_000),
        "success_not_null": row["success"] is None,
        "error_code_length": too_long(row["error_code"]),
        "techniques_applied_count": len(techniques) > 100,
        "techniques_applied_named": any(not name for name in techniques),
        "tokens_used_not_null": row["tokens_used"] is None,
        "tokens_used_range": outside(row["tokens_used"], 0),
        "cost_usd_range": outside(row["cost_usd"], 0),
        "success_without_error": row["success"] is True and bool(row["error_code"]),
        READABLE: row["_unreadable"] is not None,
    }
    return sorted(name for name, is_broken in broken.items() if is_broken)


@pytest.mark.criterion("AC-002.2")
@given(damages=rows)
@settings(max_examples=60)
def test_every_row_is_valid_or_rejected_for_just_the_rules_it_breaks(
    damages: list[dict[str, Any]],
) -> None:
    contract = shipped()["generations"]
    given_rows = [good_row(n) | damage | {"n": n} for n, damage in enumerate(damages)]
    frame = raw_frame(contract, given_rows, n=pl.Int64)

    judge = Judge(contract, REFERENCES)
    valid = judge.screen(frame).valid
    explained = judge.explain(judge.screen(frame).suspects)
    rejected = explained.rejected

    places = valid["n"].to_list() + rejected["n"].to_list()
    assert sorted(places) == list(range(len(damages)))
    expected = {row["n"]: reasons for row in given_rows if (reasons := naive(row))}
    found = dict(zip(rejected["n"], rejected["reasons"].to_list(), strict=True))
    assert found == expected
    # What is reported of the rules is the same story: as many rows a rule, keys as examples only.
    errors = {rule.name for rule in contract.row_rules if rule.severity == "error"}
    errors |= {READABLE, *NO_ROWS}
    reported = explained.broken.filter(pl.col("rule").is_in(errors)).select("rule", "failed")
    counted: dict[str, int] = {}
    for reasons in expected.values():
        for rule in reasons:
            counted[rule] = counted.get(rule, 0) + 1
    assert dict(reported.iter_rows()) == counted
    keys = {row["event_id"] for row in given_rows}
    assert set(explained.broken["example_keys"].explode().drop_nulls()) <= keys
    # Rows come out as they went in.
    back = pl.concat([valid, rejected.drop("reasons")]).sort("n")
    assert back.equals(frame.sort("n"))


CASE = Path(__file__).parents[3] / "shared" / "cases" / "08_token_sum" / "generations.jsonl"


@pytest.mark.skipif(not CASE.exists(), reason="no shared cases here")
def test_counts_that_only_a_mistake_has_are_rejected_by_name() -> None:
    """Two of them are beyond what a sum of 64 bits can hold; see the warehouse for other packs."""
    given = [json.loads(line) for line in CASE.read_text().splitlines()]
    assert sum(row["tokens_used"] for row in given) > 2**63
    judge = Judge(shipped()["generations"], REFERENCES)
    rows = [good_row(n, tokens_used=row["tokens_used"]) for n, row in enumerate(given)]
    frame = raw_frame(shipped()["generations"], rows)
    rejected = judge.explain(judge.screen(frame).suspects).rejected
    assert rejected["reasons"].to_list() == [["tokens_used_range"]] * 2
