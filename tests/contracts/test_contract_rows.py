"""Rows against the rules: what is rejected, for which reasons, and what is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from generation_rows import HOUR, REFERENCES, frame_of, good_row
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from chimera_assets.contracts import (
    Contract,
    MissingReferenceError,
    load_contracts,
    pandera_schema,
    row_violations,
)
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

NAN, INF = math.nan, math.inf

#: Values that break rules, of each column that has some; nulls among them.
DAMAGE: dict[str, list[Any]] = {
    "event_id": [None, "", "x" * 201],
    "timestamp": [None, HOUR - timedelta(microseconds=1), HOUR + timedelta(hours=1)],
    "tenant_id": [None, ""],
    "user_id": [None, "", "null", "u" * 201],
    "provider": [None, "", "nobody", "OpenAI"],
    "model": [None, "", " gpt-4o"],
    "prompt_length": [None, -1],
    "response_length": [None, -1, 0],
    "latency_ms": [None, -0.001, 10_000.001, NAN, INF, -INF],
    "success": [None, False],
    "error_code": [None, "", "timeout", "e" * 201],
    "techniques_applied": [None, [], [None], [""], ["a"] * 101],
    "tokens_used": [None, -1, 0, 3_000_000],
    "cost_usd": [None, -0.01, NAN, INF, 2_000.0],
    "created_at": [None, HOUR - timedelta(minutes=6)],
}


def reasons(contract: Contract, row: dict[str, Any], severity: str = "error") -> set[str]:
    judged = (
        frame_of(contract, [row]).select(row_violations(contract, REFERENCES)).row(0, named=True)
    )
    assert None not in judged.values()
    return {
        name
        for name, broken in judged.items()
        if broken and contract.rule(name).severity == severity
    }


def test_a_good_row_breaks_nothing(generations: Contract) -> None:
    assert reasons(generations, good_row()) == set()
    assert reasons(generations, good_row(), "warning") == set()


@pytest.mark.criterion("AC-004.2")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"provider": None}, {"provider_not_null"}),
        ({"provider": "nobody"}, {"provider_known"}),
        ({"latency_ms": -1.0}, {"latency_ms_range"}),
        ({"latency_ms": NAN}, {"latency_ms_range"}),
        ({"latency_ms": -INF}, {"latency_ms_range"}),
        ({"cost_usd": NAN}, {"cost_usd_range"}),
        ({"cost_usd": INF}, {"cost_usd_range"}),
        ({"success": None}, {"success_not_null"}),
        ({"tokens_used": -5}, {"tokens_used_range"}),
        ({"prompt_length": -5}, {"prompt_length_range"}),
        ({"error_code": "timeout"}, {"success_without_error"}),
        ({"timestamp": HOUR - timedelta(seconds=1)}, {"timestamp_within_hour"}),
        (
            {"timestamp": HOUR + timedelta(hours=1)},
            {"timestamp_within_hour", "timestamp_not_in_future"},
        ),
        ({"timestamp": HOUR + timedelta(seconds=301)}, set()),
        ({"timestamp": HOUR + timedelta(seconds=302)}, {"timestamp_not_in_future"}),
        ({"techniques_applied": ["a", None]}, {"techniques_applied_named"}),
    ],
)
def test_one_damage_one_reason(
    generations: Contract, changes: dict[str, Any], expected: set[str]
) -> None:
    assert reasons(generations, good_row(**changes)) == expected


def test_a_row_that_breaks_three_rules_gets_three_reasons(generations: Contract) -> None:
    row = good_row(provider="nobody", tokens_used=-1, latency_ms=10_001.0)
    assert reasons(generations, row) == {"provider_known", "tokens_used_range", "latency_ms_range"}


def test_what_a_source_does_not_know_is_null_and_flows(generations: Contract) -> None:
    unknown = dict.fromkeys(column.name for column in generations.columns if not column.required)
    row = good_row(**unknown, provider="azure", model="code", tokens_used=10_000)
    assert reasons(generations, row) == set()


def test_a_failure_without_a_code_only_warns(generations: Contract) -> None:
    row = good_row(success=False)
    assert reasons(generations, row) == set()
    assert reasons(generations, row, "warning") == {"failure_with_error"}


@pytest.mark.parametrize(
    ("rate", "successes", "iterations", "expected"),
    [
        (0.25, 1, 4, set()),
        (0.2509, 1, 4, set()),
        (0.252, 1, 4, {"asr_rate_consistent"}),
        (None, 1, 4, set()),
        (0.25, None, 4, set()),
        (None, 0, 0, set()),
        (0.0, 0, 0, set()),
        (0.5, 0, 0, {"asr_rate_consistent"}),
        (NAN, 1, 4, {"asr_rate_consistent", "asr_rate_range"}),
        (1.0, 5, 4, {"asr_rate_consistent", "successful_mutations_within_iterations"}),
        (0.1, -1, 4, {"asr_rate_consistent", "successful_mutations_range"}),
    ],
)
def test_attack_success_rate_is_what_the_counts_say(
    shipped: dict[str, Contract],
    rate: float | None,
    successes: int | None,
    iterations: int,
    expected: set[str],
) -> None:
    row = {
        key: good_row()[key]
        for key in ("timestamp", "tenant_id", "created_at", "hour_partition", "hour")
    }
    row |= {"test_id": "t", "test_type": "gcg", "asr_rate": rate}
    row |= {"successful_mutations": successes, "iterations": iterations}
    assert reasons(shipped["jailbreak_tests"], row) == expected


@pytest.mark.parametrize(
    ("name", "fine"), [("autodan", True), ("gpt_fuzz2", True), ("PAIR", False), ("", False)]
)
def test_test_type_is_any_lower_case_identifier(
    shipped: dict[str, Contract], name: str, *, fine: bool
) -> None:
    row = {
        key: good_row()[key]
        for key in ("timestamp", "tenant_id", "created_at", "hour_partition", "hour")
    }
    found = reasons(shipped["jailbreak_tests"], row | {"test_id": "t", "test_type": name})
    assert found == (set() if fine else {"test_type_identifier"})


def test_known_values_must_be_given(generations: Contract) -> None:
    with pytest.raises(MissingReferenceError, match=r"provider_known.*providers\.provider_id"):
        row_violations(generations, {})


def test_no_known_provider_rejects_every_row(generations: Contract) -> None:
    empty = {"providers.provider_id": pl.Series([], dtype=pl.String)}
    judged = frame_of(generations, [good_row()]).select(row_violations(generations, empty))
    assert judged["provider_known"].all()


@pytest.mark.criterion("AC-004.2")
def test_a_missing_or_mistyped_column_speaks_of_the_whole_frame(generations: Contract) -> None:
    frame = frame_of(generations, [good_row()]).drop("model").cast({"tokens_used": pl.String})
    with pytest.raises(SchemaErrors) as caught:
        pandera_schema(generations, REFERENCES).validate(frame, lazy=True)
    cases = caught.value.failure_cases.filter(pl.col("index").is_null())
    assert "column_in_dataframe" in cases["check"].to_list()
    assert any(check.startswith("dtype") for check in cases["check"])


@pytest.mark.criterion("AC-004.7")
def test_a_new_rule_is_one_line_of_yaml(changed: Callable[..., Contract]) -> None:
    line = '{type: custom, engine: pandera, name: cheap, implementation: "cost_usd < 5"}'
    contract = changed(
        "generations",
        (
            "    quality:\n      - name: success_w",
            f"    quality:\n      - {line}\n      - name: success_w",
        ),
    )
    assert reasons(contract, good_row(cost_usd=6.0)) == {"cheap"}
    assert reasons(contract, good_row(cost_usd=None)) == set()


@st.composite
def damaged_frames(draw: st.DrawFn) -> list[dict[str, Any]]:
    columns = st.sampled_from(sorted(DAMAGE))
    rows = []
    for number in range(draw(st.integers(0, 12))):
        broken = draw(st.sets(columns, max_size=4))
        changes = {name: draw(st.sampled_from(DAMAGE[name])) for name in sorted(broken)}
        rows.append(good_row(number, **changes))
    return rows


SHIPPED_GENERATIONS = load_contracts([SHIPPED])["generations"]
SCHEMA = pandera_schema(SHIPPED_GENERATIONS, REFERENCES)


@pytest.mark.criterion("AC-002.2")
@settings(max_examples=60)
@given(damaged_frames())
def test_pandera_and_the_fused_pass_agree(rows: list[dict[str, Any]]) -> None:
    frame = frame_of(SHIPPED_GENERATIONS, rows)
    fused = frame.select(row_violations(SHIPPED_GENERATIONS, REFERENCES))
    expected = {
        (name, index) for name in fused.columns for index in fused[name].arg_true().to_list()
    }
    found: set[tuple[str, int]] = set()
    try:
        SCHEMA.validate(frame, lazy=True)
    except SchemaErrors as errors:
        found = set(errors.failure_cases.select("check", "index").iter_rows())
    assert found == expected


def test_an_invoice_is_of_a_month_from_its_first_moment() -> None:
    contract = load_contracts([SHIPPED])["invoices"]
    first = datetime(2026, 11, 1, tzinfo=UTC)
    units = ("days", "hours", "minutes", "seconds", "microseconds")
    months = [first, first.replace(month=12), *(first + timedelta(**{unit: 1}) for unit in units)]
    rows = pl.DataFrame({"billing_month": months}, {"billing_month": pl.Datetime("us", "UTC")})

    begins = rows.select(pl.sql_expr(contract.rule("billing_month_begins").params["sql"]))

    assert begins.to_series().to_list() == [True, True, *[False] * len(units)]
