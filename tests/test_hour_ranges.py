"""Ranges of hours are sets of hours, whatever is done with them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import hypothesis.strategies as st
from hypothesis import given

from chimera_assets.hour_ranges import (
    covers,
    holds,
    merged,
    minus,
    parts,
    ranges,
    ranges_without,
)
from chimera_assets.hours import ONE_HOUR, HourRange

MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
numbers = st.sets(st.integers(0, 40))
pairs = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)))


def at(number: int) -> datetime:
    return MIDNIGHT + number * ONE_HOUR


def hours_of(found: list[HourRange]) -> list[datetime]:
    return [hour for one in found for hour in one]


def made(spans: list[tuple[int, int]]) -> list[HourRange]:
    return [HourRange(at(first), at(first + length)) for first, length in spans]


@given(numbers)
def test_hours_are_the_fewest_ranges_in_order(some: set[int]) -> None:
    found = ranges(map(at, some))
    assert hours_of(found) == [at(n) for n in sorted(some)]
    assert len(found) == sum(n - 1 not in some for n in some)
    assert found == merged(found)


@given(numbers, numbers)
def test_ranges_hold_no_hour_that_is_to_be_left_out(some: set[int], without: set[int]) -> None:
    found = ranges_without(map(at, some), map(at, without))
    held = hours_of(found)
    assert held == sorted(set(held))
    assert set(map(at, some)) <= set(held)
    assert not set(held) & {at(n) for n in without - some}
    # The fewest: between two ranges there is an hour that has to be left out.
    for one, other in itertools.pairwise(found):
        assert any(one.end <= at(n) < other.start for n in without - some)


@given(pairs, pairs)
def test_overlapping_ranges_are_merged_and_cut_like_sets(
    some: list[tuple[int, int]], gone: list[tuple[int, int]]
) -> None:
    one, other = made(some), made(gone)
    kept, cut = set(hours_of(one)), set(hours_of(other))
    assert hours_of(merged(one)) == sorted(kept)
    assert hours_of(merged(minus(one, other))) == sorted(kept - cut)
    assert all(holds(one, at(n)) == (at(n) in kept) for n in range(42))
    assert all(covers(one, span) == (set(span) <= kept) for span in other)


@given(st.integers(1, 60), st.integers(1, 20))
def test_a_range_is_parted_without_a_gap(length: int, size: int) -> None:
    whole = HourRange(at(0), at(length))
    found = list(parts(whole, size))
    assert hours_of(found) == list(whole)
    assert all(len(part) == size for part in found[:-1])
    assert 0 < len(found[-1]) <= size
