"""Periods of a key follow each other, or the hour is not published, with key and dates told."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera_assets.contracts import batch_violations, load_contract, make_profile, merge_profiles
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from chimera_assets.contracts import Contract

PRICES = load_contract(SHIPPED / "price_list.odcs.yaml")
RULE = "valid_from_periods"


def prices(*periods: str, model: str = "m") -> pl.DataFrame:
    """Rows of a price list: `2026-01-01 2026-02-01`, or a first day alone."""
    rows = []
    for period in periods:
        first, _, end = period.partition(" ")
        days = {"valid_from": date.fromisoformat(first)}
        days |= {"valid_to": date.fromisoformat(end)} if end else {}
        price = {"input_price": Decimal(3), "output_price": Decimal(12)}
        rows.append({"provider": "p", "model": model, "currency": "USD", **days, **price})
    return pl.DataFrame(rows, schema=PRICES.polars_schema())


def said(*frames: pl.DataFrame) -> list[str]:
    """What the rule has to say of rows, seen in parts."""
    profile = merge_profiles(PRICES, [make_profile(PRICES, frame) for frame in frames])
    found = batch_violations(PRICES, profile).row(by_predicate=pl.col("rule") == RULE, named=True)
    assert found["passed"] == (found["observed"] in (0, None))
    examples: list[str] = found["examples"]
    assert found["observed"] == len(examples)
    return examples


@pytest.mark.parametrize(
    ("periods", "wrong"),
    [
        (["2026-01-01"], []),
        (["2026-01-01 2026-02-01", "2026-02-01 2026-03-01", "2026-03-01"], []),
        (["2026-02-01", "2026-01-01 2026-02-01"], []),
        (
            ["2026-01-01 2026-02-01", "2026-02-03"],
            ["p, m: there is none from 2026-02-01 to 2026-02-03"],
        ),
        (
            ["2026-01-01 2026-02-02", "2026-02-01"],
            ["p, m: from 2026-02-01 it overlaps what begins on 2026-01-01"],
        ),
        (
            ["2026-01-01", "2026-02-01"],
            ["p, m: from 2026-02-01 it overlaps what begins on 2026-01-01"],
        ),
        (
            ["2026-01-01 2026-12-01", "2026-02-01 2026-03-01", "2026-12-01"],
            ["p, m: from 2026-02-01 it overlaps what begins on 2026-01-01"],
        ),
        (
            ["2026-01-01 2026-01-01"],
            ["p, m: from 2026-01-01 it ends on 2026-01-01, before it has begun"],
        ),
    ],
)
def test_a_gap_and_an_overlap_are_told_with_key_and_dates(
    periods: Sequence[str], wrong: list[str]
) -> None:
    assert said(prices(*periods)) == wrong
    assert said(*(prices(one) for one in reversed(periods))) == wrong
    assert said(prices(*periods), prices("2026-01-01", model="other")) == wrong


def test_no_rows_break_nothing() -> None:
    assert said(prices()) == []


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 5), st.data())
def test_moving_one_end_breaks_what_was_whole(
    lengths: list[int], at: int, data: st.DataObject
) -> None:
    starts = [date(2026, 1, 1)]
    for length in lengths:
        starts.append(starts[-1] + timedelta(days=length))
    periods = [f"{first} {end}" for first, end in pairwise(starts)]
    assert said(prices(*periods)) == []
    at = min(at, len(periods) - 1)
    moved = data.draw(st.integers(-3, 3).filter(bool)) if at < len(periods) - 1 else 0
    first, end = periods[at].split(" ")
    later = date.fromisoformat(end) + timedelta(days=moved)
    broken = [*periods[:at], f"{first} {later}", *periods[at + 1 :]]
    assert bool(said(prices(*broken))) == bool(moved)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Contract]:
    def changed(old: str, new: str) -> Contract:
        text = (SHIPPED / "price_list.odcs.yaml").read_text()
        assert old in text
        path = tmp_path / "price_list.odcs.yaml"
        path.write_text(text.replace(old, new))
        return load_contract(path)

    return changed


@pytest.mark.parametrize(
    ("by", "wrong"),
    [
        ("[provider, modell]", r"by of check periods: expected a column: .*model.*, found modell"),
        ("provider", "by of check periods: expected a list of columns, found 'provider'"),
        ("[]", r"by of check periods: expected a list of columns, found \[\]"),
    ],
)
def test_columns_that_are_none_are_named(
    changed: Callable[[str, str], Contract], by: str, wrong: str
) -> None:
    with pytest.raises(Exception, match=wrong):
        changed("by: [provider, model]", f"by: {by}")
