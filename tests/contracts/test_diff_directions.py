"""Each change to a contract, there and back: of the two ways one breaks, or neither does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.contracts.diff import bump, diff, next_version, version_suffices
from chimera_assets.contracts.model import Column, Rule

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract

FREE, BREAKS, WORDING = "minor", "major", "patch"


def asked(old: Contract, new: Contract) -> str:
    """The version bump that the one change asks for."""
    changes = diff(old, new)
    assert len(changes) == 1, [str(one) for one in changes]
    assert changes[0].breaking == (bump(changes) == "major")
    return bump(changes)


def there_and_back(one: Contract, other: Contract) -> tuple[str, str]:
    assert diff(one, one) == diff(other, other) == []
    return asked(one, other), asked(other, one)


@pytest.mark.parametrize(
    ("name", "value", "more", "way"),
    [
        ("retention_days", 90, 91, (FREE, BREAKS)),
        ("quarantine_days", 7, 8, (FREE, BREAKS)),
        ("vacuum_days", 7, 8, (FREE, BREAKS)),
        ("pass_rate", 0.98, 0.99, (BREAKS, FREE)),
        ("freshness_hours", 2.0, 2.5, (BREAKS, FREE)),
        ("table_retention", {}, {"raw/generations": 400}, (BREAKS, BREAKS)),
        ("table_retention", {"raw/x": 30}, {"raw/x": 31}, (FREE, BREAKS)),
        ("stream", "generations", "calls", (BREAKS, BREAKS)),
        ("kind", "stream", "reference", (BREAKS, BREAKS)),
        ("key", ("event_id",), ("event_id", "model"), (BREAKS, BREAKS)),
        ("event_time", "timestamp", "created_at", (BREAKS, BREAKS)),
        ("arrival_time", "created_at", None, (BREAKS, BREAKS)),
        ("subject", None, "user_id", (BREAKS, BREAKS)),
        ("tenant", None, "tenant_id", (FREE, BREAKS)),
        ("tenant", "tenant_id", "model", (BREAKS, BREAKS)),
        ("source_table", "generations", "app.generations", (FREE, FREE)),
        ("optional_at_source", False, True, (FREE, FREE)),
        ("description", "Calls.", "Every call.", (WORDING, WORDING)),
        ("owner", "platform", "data", (WORDING, WORDING)),
        ("tags", (), ("llm",), (WORDING, WORDING)),
    ],
)
def test_a_term(
    generations: Contract, name: str, value: object, more: object, way: tuple[str, str]
) -> None:
    one, other = (dataclasses.replace(generations, **{name: each}) for each in (value, more))
    assert there_and_back(one, other) == way


COLUMN = Column("size", "integer", required=False, description="How large.", classification="L1")


def with_column(contract: Contract, **changed: Any) -> Contract:
    column = dataclasses.replace(COLUMN, **changed)
    return dataclasses.replace(contract, columns=(*contract.columns, column))


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({"type": "number"}, (BREAKS, BREAKS)),
        ({"required": True}, (BREAKS, FREE)),
        ({"classification": "L2"}, (BREAKS, FREE)),
        ({"classification": "L0"}, (FREE, BREAKS)),
        ({"description": "In bytes."}, (WORDING, WORDING)),
        ({"physical_name": "Size"}, (FREE, FREE)),
        ({"optional_at_source": True}, (FREE, FREE)),
        ({"transform": "octets / 8"}, (BREAKS, BREAKS)),
        ({"timezone": "Europe/Berlin"}, (BREAKS, BREAKS)),
    ],
)
def test_a_column(generations: Contract, change: dict[str, Any], way: tuple[str, str]) -> None:
    one, other = with_column(generations), with_column(generations, **change)
    assert there_and_back(one, other) == way


def test_a_column_more_breaks_if_it_must_be_there_and_a_column_less_always(
    generations: Contract,
) -> None:
    optional, required = (with_column(generations, required=must) for must in (False, True))
    assert there_and_back(generations, optional) == (FREE, BREAKS)
    assert there_and_back(generations, required) == (BREAKS, BREAKS)
    turned = dataclasses.replace(generations, columns=generations.columns[::-1])
    assert there_and_back(generations, turned) == (WORDING, WORDING)


def rule(check: str = "range", column: str | None = "tokens_used", **given: Any) -> Rule:
    params = given.pop("params", {})
    made = Rule(
        name="a_rule",
        column=column,
        level="row",
        severity="error",
        dimension="accuracy",
        description="As it should be.",
        check=check,
        params=params,
    )
    return dataclasses.replace(made, **given)


def with_rule(contract: Contract, *rules: Rule) -> Contract:
    return dataclasses.replace(contract, rules=(*contract.rules, *rules))


#: Check, parameters before and after, and whether each way may reject more.
PARAMETERS = [
    ("range", {"min": 1}, {"min": 0}, (FREE, BREAKS)),
    ("range", {"max": 9}, {"max": 10}, (FREE, BREAKS)),
    ("range", {"min": 1, "max": 9}, {"max": 9}, (FREE, BREAKS)),
    ("range", {"min": 1, "max": 9}, {"min": 1}, (FREE, BREAKS)),
    ("range", {"min": 1, "max": 9}, {"min": 0, "max": 8}, (BREAKS, BREAKS)),
    ("range", {"min": 1, "max": 9}, {"min": 0, "max": 10}, (FREE, BREAKS)),
    ("row_count", {"above": 1}, {"above": 0}, (FREE, BREAKS)),
    ("row_count", {"below": 9}, {"below": 10}, (FREE, BREAKS)),
    ("row_count", {"above": 1}, {}, (FREE, BREAKS)),
    ("row_count", {"below": 9}, {}, (FREE, BREAKS)),
    ("mean", {"max": 1, "at_least_rows": 10}, {"max": 1, "at_least_rows": 20}, (FREE, BREAKS)),
    ("mean", {"max": 1}, {"max": 1, "at_least_rows": 20}, (FREE, BREAKS)),
    ("not_after", {"other": "x", "minutes": 1}, {"other": "x", "minutes": 2}, (FREE, BREAKS)),
    ("not_after", {"other": "x"}, {"other": "x", "minutes": 2}, (FREE, BREAKS)),
    ("ratio", {"tolerance": 0.1}, {"tolerance": 0.2}, (FREE, BREAKS)),
    ("ratio", {}, {"tolerance": 0.2}, (FREE, BREAKS)),
    ("allowed", {"values": ["a"]}, {"values": ["a", "b"]}, (FREE, BREAKS)),
    ("allowed", {"values": ["a", "b"]}, {"values": ["b", "c"]}, (BREAKS, BREAKS)),
    ("allowed", {"values": ["a", "b"]}, {"values": ["b", "a"]}, (FREE, FREE)),
    ("not_missing", {"values": [""]}, {"values": ["", "-"]}, (BREAKS, FREE)),
    ("references", {"values": "models"}, {"values": "providers"}, (BREAKS, BREAKS)),
    ("pattern", {"regex": "a"}, {"regex": "a?"}, (BREAKS, BREAKS)),
    ("expression", {"sql": "x > 1"}, {"sql": "x > 0"}, (BREAKS, BREAKS)),
    ("duplicate_rows", {"max": 5}, {"max": 5, "unit": "percent"}, (BREAKS, BREAKS)),
]


@pytest.mark.parametrize(("check", "before", "after", "way"), PARAMETERS)
def test_a_rules_parameters(
    generations: Contract,
    check: str,
    before: dict[str, Any],
    after: dict[str, Any],
    way: tuple[str, str],
) -> None:
    one = with_rule(generations, rule(check, params=before))
    other = with_rule(generations, rule(check, params=after))
    assert there_and_back(one, other) == way
    warned, warned_too = (
        with_rule(generations, rule(check, params=params, severity="warning"))
        for params in (before, after)
    )
    assert there_and_back(warned, warned_too) == (FREE, FREE)  # a warning rejects nothing


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({"severity": "warning"}, (FREE, BREAKS)),
        ({"check": "length"}, (BREAKS, BREAKS)),
        ({"level": "batch"}, (BREAKS, BREAKS)),
        ({"column": "prompt_length"}, (BREAKS, BREAKS)),
        ({"description": "As it must be."}, (WORDING, WORDING)),
    ],
)
def test_a_rule(generations: Contract, change: dict[str, Any], way: tuple[str, str]) -> None:
    before = rule(params={"min": 1})
    one = with_rule(generations, before)
    other = with_rule(generations, dataclasses.replace(before, **change))
    assert there_and_back(one, other) == way


def test_a_rule_more_breaks_unless_it_warns_or_is_of_a_column_that_comes_with_it(
    generations: Contract,
) -> None:
    strict = rule(params={"min": 1})
    assert there_and_back(generations, with_rule(generations, strict)) == (BREAKS, FREE)
    warning = dataclasses.replace(strict, severity="warning")
    assert there_and_back(generations, with_rule(generations, warning)) == (FREE, FREE)
    of_all = dataclasses.replace(strict, column=None)
    assert there_and_back(generations, with_rule(generations, of_all)) == (BREAKS, FREE)
    with_both = with_rule(with_column(generations), rule(column="size", params={"min": 1}))
    assert [one.breaking for one in diff(generations, with_both)] == [False, False]
    assert [one.breaking for one in diff(with_column(generations), with_both)] == [True]


def test_what_breaks_is_told_first_and_decides_the_version(generations: Contract) -> None:
    changed = dataclasses.replace(
        with_column(generations), owner="data", vacuum_days=generations.vacuum_days - 1
    )
    changes = diff(generations, changed)
    assert [one.bump for one in changes] == ["major", "patch", "minor"]
    assert bump(changes) == "major"
    assert bump(changes[1:]) == "minor"
    assert bump(changes[1:2]) == "patch"


@pytest.mark.parametrize(
    ("part", "following"),
    [("major", "2.0.0"), ("minor", "1.4.0"), ("patch", "1.3.10"), ("none", "1.3.9")],
)
def test_a_version_is_raised_by_numbers_and_no_less_than_asked(
    generations: Contract, part: str, following: str
) -> None:
    """1.3.10 comes after 1.3.9; more than is asked for is fine, the same again is not."""
    assert next_version("1.3.9", part) == following
    old = dataclasses.replace(generations, version="1.3.9")
    changes = {
        "major": {"retention_days": old.retention_days - 1},
        "minor": {"retention_days": old.retention_days + 1},
        "patch": {"owner": "data"},
        "none": {},
    }[part]
    enough = {
        version: version_suffices(old, dataclasses.replace(old, version=version, **changes))
        for version in ("1.3.8", "1.3.9", "1.3.10", "1.4.0", "2.0.0", "10.0.0")
    }
    order = list(enough)
    assert enough == {version: order.index(version) >= order.index(following) for version in order}
