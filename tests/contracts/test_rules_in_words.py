"""Rules as people read them, and what changed between two versions of a contract."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.contracts.diff import diff
from chimera_assets.contracts.model import Column, Rule
from chimera_assets.contracts.rules.rule_text import rule_text

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract


def rule(check: str, column: str | None, params: dict[str, Any], name: str = "a_rule") -> Rule:
    return Rule(name, column, "row", "error", "", "", check, params)


TEXTS = [
    (rule("range", "latency_ms", {"min": 0, "max": 9}), "range of latency_ms (min 0, max 9)"),
    (rule("not_null", "model", {}), "not null of model"),
    (rule("list_length", "tags", {"max": 3}), "list length of tags (max 3)"),
    (rule("expression", None, {"sql": "a > b"}), "`a > b`"),
    (rule("row_count", None, {"min": 1}), "row count at least 1"),
    (
        rule("row_count", None, {"above": 1, "below": 9}),
        "row count more than 1 and less than 9",
    ),
    (
        rule("duplicate_rows", "id", {"max": 5, "unit": "percent"}),
        "duplicate rows of id at most 5 percent",
    ),
    (rule("duplicate_rows", "id", {"max": 5, "unit": "rows"}), "duplicate rows of id at most 5"),
    (
        rule("broken_rows", "n", {"max": 5, "unit": "percent", "rule": rule("not_null", "n", {})}),
        "rows breaking not null of n at most 5 percent",
    ),
    (
        rule("broken_rows", "n", {"below": 5, "rule": rule("in_set", "n", {"values": ["a"]})}),
        "rows breaking in set of n (values ['a']) less than 5",
    ),
]


@pytest.mark.parametrize(("one", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_a_rule_in_words(one: Rule, text: str) -> None:
    assert rule_text(one) == text


def column(name: str, **changed: Any) -> Column:
    given = {"type": "string", "required": False, "description": "", "classification": "L1"}
    return Column(name, **(given | changed))


def test_a_new_version_in_words(generations: Contract) -> None:
    kept = tuple(column(name) for name in "abcde")
    old = dataclasses.replace(
        generations,
        columns=(*kept, column("must", required=True), column("gone", type="date")),
        rules=(
            rule("range", "a", {"min": 1}, "tighter"),
            rule("range", "a", {"min": 1}, "looser"),
            rule("range", "a", {"min": 1}, "off"),
            dataclasses.replace(rule("range", "a", {"min": 1}, "hint"), severity="warning"),
            dataclasses.replace(rule("range", "a", {"min": 1}, "sharp"), severity="warning"),
            rule("range", "a", {"min": 1}, "mild"),
            rule("range", "a", {"min": 1}, "worded"),
        ),
        table_retention={"raw/x": 30, "raw/y": 30},
    )
    new = dataclasses.replace(
        old,
        stream="calls",
        kind="reference",
        key=("event_id", "model"),
        event_time=None,
        arrival_time="timestamp",
        subject="tenant_id",
        tenant="model",
        retention_days=100,
        quarantine_days=5,
        vacuum_days=8,
        pass_rate=0.5,
        freshness_hours=1.5,
        table_retention={"raw/x": 31, "raw/z": 30},
        source_table="app.calls",
        description="Calls.",
        owner="data",
        tags=("calls",),
        columns=(
            column("b", classification="L2"),
            column("a", type="number"),
            column("c", classification="L0"),
            column("d", required=True),
            column("e", description="Anew."),
            column("must"),
            column("new"),
            column("newer", type="date", required=True),
        ),
        rules=(
            rule("range", "a", {"min": 2}, "tighter"),
            rule("range", "a", {"min": 0}, "looser"),
            dataclasses.replace(rule("range", "a", {"min": 2}, "hint"), severity="warning"),
            rule("range", "a", {"min": 1}, "sharp"),
            dataclasses.replace(rule("range", "a", {"min": 1}, "mild"), severity="warning"),
            dataclasses.replace(rule("range", "a", {"min": 1}, "worded"), description="Anew."),
            rule("not_null", "a", {}, "strict"),
            rule("not_null", "new", {}, "of_new"),
        ),
    )
    assert [str(change) for change in diff(old, new)] == [
        "breaking: stream changed from generations to calls",
        "breaking: kind changed from stream to reference",
        "breaking: key changed from event_id to event_id, model",
        "breaking: event time changed from timestamp to none",
        "breaking: arrival time changed from created_at to timestamp",
        "breaking: data subject changed from user_id to tenant_id",
        "breaking: tenant changed from tenant_id to model",
        "breaking: days of quarantine lowered from 7 to 5",
        "breaking: days of retention of raw/y changed from 30 to none",
        "breaking: days of retention of raw/z changed from none to 30",
        "breaking: column a retyped from string to number",
        "breaking: column b classified higher, from L1 to L2: hidden from readers who saw it",
        "breaking: column d made required (null was accepted)",
        "breaking: column gone removed (it was date)",
        "breaking: column newer added as required (date)",
        "breaking: rule tighter tightened from range of a (min 1) to range of a (min 2)",
        "breaking: rule sharp severity changed from warning to error",
        "breaking: rule strict added: not null of a (error)",
        "compatible: days of retention raised from 90 to 100",
        "compatible: days of time travel raised from 7 to 8",
        "compatible: pass rate lowered from 0.99 to 0.5",
        "compatible: hours of freshness lowered from 2 to 1.5",
        "compatible: days of retention of raw/x changed from 30 to 31",
        "compatible: source table changed from generations to app.calls",
        "compatible: description changed",
        "compatible: owner changed",
        "compatible: tags changed",
        "compatible: column c classified lower, from L1 to L0: shown to readers who did not see it",
        "compatible: column e described anew",
        "compatible: column must no longer required (null is accepted)",
        "compatible: column new added, may be null (string)",
        "compatible: columns reordered",
        "compatible: rule looser loosened from range of a (min 1) to range of a (min 0)",
        "compatible: rule off removed (range of a (min 1))",
        (
            "compatible: rule hint changed from range of a (min 1) to range of a (min 2) "
            "(a warning rejects nothing)"
        ),
        "compatible: rule mild severity changed from error to warning",
        "compatible: rule worded described anew",
        "compatible: rule of_new added: not null of new (error)",
    ]
