"""Hours as a whole: profiles, how they merge, and what the batch rules say of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

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
    assert said.columns == ["rule", "observed", "passed"]
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
