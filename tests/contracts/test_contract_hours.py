"""Hours as a whole: profiles, how they merge, and what the batch rules say of them."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from generation_rows import HOUR, frame_of, good_row
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.contracts import (
    Contract,
    batch_violations,
    empty_profile,
    load_contracts,
    make_profile,
    merge_profiles,
    profile_exprs,
)
from chimera_assets.contracts.model import Rule
from chimera_assets.hours import HourRange
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATIONS = load_contracts([SHIPPED])["generations"]


def verdicts(contract: Contract, profile: pl.DataFrame) -> dict[str, tuple[float | None, bool]]:
    reported = batch_violations(contract, profile)
    return {
        rule: (seen, passed)
        for rule, seen, passed in reported.select("rule", "observed", "passed").iter_rows()
    }


def test_an_ordinary_hour_passes_and_tells_what_was_observed(generations: Contract) -> None:
    rows = [good_row(i, provider=("openai", "azure")[i % 2]) for i in range(200)]
    said = verdicts(generations, make_profile(generations, frame_of(generations, rows)))
    assert said["volume"] == (200.0, True)
    assert said["provider_share"] == (0.5, True)
    latencies = pl.Series([row["latency_ms"] for row in rows])
    assert said["latency_ms_mean"] == (pytest.approx(latencies.mean()), True)
    assert said["latency_ms_spread"] == (pytest.approx(latencies.std(ddof=0)), True)
    assert said["success_rate"] == (1.0, True)


@pytest.mark.criterion("AC-004.2")
def test_a_one_sided_hour_is_reported_of(generations: Contract) -> None:
    rows = [good_row(i, success=False, latency_ms=None) for i in range(200)]
    said = verdicts(generations, make_profile(generations, frame_of(generations, rows)))
    assert said["provider_share"] == (1.0, False)
    assert said["success_rate"] == (0.0, False)
    assert said["latency_ms_reported"] == (100.0, False)
    assert said["latency_ms_mean"] == (None, True)  # nothing observed, nothing broken


def test_few_rows_say_nothing_about_distributions(generations: Contract) -> None:
    said = verdicts(generations, make_profile(generations, frame_of(generations, [good_row()])))
    assert said["provider_share"] == (1.0, True)


def test_duplicates_are_counted_by_whoever_drops_them(generations: Contract) -> None:
    profile = make_profile(generations, frame_of(generations, [good_row()]))
    assert verdicts(generations, profile)["event_id_unique"] == (0.0, True)
    counted = profile.with_columns(duplicates=pl.lit(3, dtype=pl.Int64))
    assert verdicts(generations, counted)["event_id_unique"] == (3.0, False)


def test_a_silent_hour_is_judged_too(generations: Contract) -> None:
    hours = HourRange(HOUR, HOUR + timedelta(hours=2))
    some = make_profile(generations, frame_of(generations, [good_row()]))
    profile = merge_profiles(generations, [empty_profile(generations, hours), some])
    reported = (
        batch_violations(generations, profile).filter(pl.col("rule") == "volume").sort("hour")
    )
    assert reported.select("hour_partition", "hour", "observed", "passed").rows() == [
        (date(2026, 1, 31), 5, 1.0, True),
        (date(2026, 1, 31), 6, 0.0, False),
    ]


def test_a_reference_table_is_judged_as_one_batch(shipped: dict[str, Contract]) -> None:
    providers = shipped["providers"]
    empty = pl.DataFrame(schema=providers.polars_schema())
    assert verdicts(providers, make_profile(providers, empty))["volume"] == (0.0, False)
    one = pl.DataFrame({"provider_id": ["openai"]}, schema_overrides={"provider_id": pl.String})
    full = pl.concat([empty, one], how="diagonal")
    assert verdicts(providers, make_profile(providers, full))["volume"] == (1.0, True)
    profiles = [make_profile(providers, full), make_profile(providers, full)]
    assert verdicts(providers, merge_profiles(providers, profiles))["volume"] == (2.0, True)


def test_a_contract_without_batch_rules_says_nothing(changed: Callable[..., Contract]) -> None:
    contract = changed("providers")
    bare = Contract(
        **{
            **{name: getattr(contract, name) for name in Contract.__dataclass_fields__},
            "rules": contract.row_rules,
        }
    )
    said = batch_violations(bare, make_profile(bare, pl.DataFrame(schema=bare.polars_schema())))
    assert said.columns == ["rule", "observed", "passed", "examples"]
    assert said.is_empty()


def test_2160_hours_are_judged_in_one_go(generations: Contract) -> None:
    hours = HourRange(HOUR, HOUR + timedelta(hours=2160))
    reported = batch_violations(generations, empty_profile(generations, hours))
    assert reported.height == 2160 * len(generations.batch_rules)
    assert reported.filter(~pl.col("passed"))["rule"].unique().to_list() == ["volume"]


values = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 2),
        "provider": st.sampled_from(["openai", "azure", None]),
        "latency_ms": st.one_of(st.none(), st.floats(0, 10_000), st.just(float("nan"))),
        "success": st.booleans(),
        "tokens_used": st.integers(0, 3_000_000_000),
    }
)


@settings(max_examples=40)
@given(st.lists(values, max_size=20), st.integers(0, 20))
def test_profiles_of_parts_add_up_to_the_profile_of_the_whole(
    rows: list[dict[str, object]], cut: int
) -> None:
    frame = frame_of(GENERATIONS, [good_row(i, **row) for i, row in enumerate(rows)])
    parts = [make_profile(GENERATIONS, part) for part in (frame[:cut], frame[cut:])]
    merged = merge_profiles(GENERATIONS, parts)
    by_hour = frame.group_by("hour_partition", "hour").agg(profile_exprs(GENERATIONS))
    for whole in (make_profile(GENERATIONS, frame), by_hour):
        assert_same(merged, whole.sort("hour"))


def assert_same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    assert one.columns[:3] == other.columns[:3]
    assert dict(one.select(pl.exclude("counts:provider")).schema) == dict(
        other.select(pl.exclude("counts:provider")).schema
    )
    for row, twin in zip(one.to_dicts(), other.select(one.columns).to_dicts(), strict=True):
        counts = [{c["value"]: c["rows"] for c in r.pop("counts:provider")} for r in (row, twin)]
        assert counts[0] == counts[1]
        assert row == pytest.approx(twin)


def batch_rule(check: str, column: str | None, **params: Any) -> Rule:
    return Rule(f"{column}_{check}", column, "batch", "warning", "", "", check, params)


def of_rules(*rules: Rule) -> Contract:
    """The contract of generations with these rules alone."""
    return dataclasses.replace(GENERATIONS, rules=rules)


def within_bounds(observed: float | None, low: float, high: float) -> bool:
    return observed is None or low <= observed <= high


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.sampled_from("aab")), max_size=9
    ),
    st.integers(0, 3),
    st.booleans(),
)
def test_what_is_observed_is_what_anybody_would_count(
    rows: list[tuple[int | None, str]],
    few: int,
    wide: bool,  # noqa: FBT001
) -> None:
    """Against the same figures in plain Python; bounds, and hours that are too small for them."""
    low, high = (0.0, 1.0) if wide else (0.4, 0.7)
    bounds = {"min": low, "max": high, "at_least_rows": few}
    contract = of_rules(
        batch_rule("mean", "latency_ms", **bounds),
        batch_rule("spread", "latency_ms", **bounds),
        batch_rule("share_of_each", "provider", **bounds),
        batch_rule("row_count", None, above=2, below=5),
        batch_rule("duplicate_rows", None, max=50, unit="percent"),
        batch_rule(
            "broken_rows",
            "latency_ms",
            max=25,
            unit="percent",
            rule=Rule("inner", "latency_ms", "row", "warning", "", "", "not_null", {}),
        ),
    )
    frame = frame_of(
        contract,
        [
            good_row(number, latency_ms=None if value is None else float(value), provider=provider)
            for number, (value, provider) in enumerate(rows)
        ],
    )
    profile = make_profile(contract, frame).with_columns(duplicates=pl.lit(2, pl.Int64))
    if not rows:
        hour = HourRange(HOUR, HOUR + timedelta(hours=1))
        profile = empty_profile(contract, hour).with_columns(duplicates=pl.lit(2, pl.Int64))

    values = [float(value) for value, _ in rows if value is not None]
    shares = [count / len(rows) for count in Counter(name for _, name in rows).values()]
    share = max(shares, default=None)
    if share is not None and share <= high and min(shares) < low:
        share = min(shares)
    expected = {
        "latency_ms_mean": statistics.fmean(values) if values else None,
        "latency_ms_spread": statistics.pstdev(values) if values else None,
        "provider_share_of_each": share,
    }
    said = verdicts(contract, profile)
    for name, value in expected.items():
        passed = len(rows) < few or within_bounds(value, low, high)
        seen, verdict = said.pop(name)
        assert seen == (None if value is None else pytest.approx(value, abs=1e-6))
        if value is None or min(abs(value - low), abs(value - high)) > 1e-6:
            assert verdict == passed, name
    nulls = 100 * (len(rows) - len(values)) / len(rows) if rows else None
    duplicates = 100 * 2 / (len(rows) + 2)
    assert said == {
        "None_row_count": (float(len(rows)), 2 < len(rows) < 5),
        "None_duplicate_rows": (pytest.approx(duplicates), duplicates <= 50),
        "latency_ms_broken_rows": (
            None if nulls is None else pytest.approx(nulls),
            nulls is None or nulls <= 25,
        ),
    }


def test_a_share_without_bounds_is_the_largest() -> None:
    contract = of_rules(batch_rule("share_of_each", "provider", min=0.4))
    frame = frame_of(contract, [good_row(i, provider="aaab"[i]) for i in range(4)])
    assert verdicts(contract, make_profile(contract, frame)) == {
        "provider_share_of_each": (0.25, False)
    }
    contract = of_rules(batch_rule("share_of_each", "provider", max=0.8))
    assert verdicts(contract, make_profile(contract, frame)) == {
        "provider_share_of_each": (0.75, True)
    }
