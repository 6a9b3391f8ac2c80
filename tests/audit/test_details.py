"""Whatever is said of a change, an entry stays small and PostgreSQL takes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.audit.details import as_text, clean

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers()),
)


def _refuse(name: str) -> None:
    raise AssertionError(name)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), ANYTHING))
def test_anything_becomes_json_that_postgresql_takes(details: dict[str, object]) -> None:
    text = as_text(details, None, None)
    assert len(text.encode()) <= 16_020
    assert "\\u0000" not in text
    read = json.loads(text, parse_constant=_refuse)
    assert list(read) == ["before"]
    assert rfc8785.dumps(read).decode() == text


def after(**details: object) -> Any:
    """What an entry keeps of one side of a change."""
    return json.loads(as_text(None, details, None))["after"]


def test_large_details_are_cut_and_say_so() -> None:
    many = after(rows=list(range(1000)), text="x" * 10_000)
    assert many["rows"][-1] == "… 950 more"
    assert len(many["text"]) == 500
    wide = after(**{f"name {n}": ["x" * 500] * 50 for n in range(50)})
    assert wide["cut"].endswith(" bytes")
    assert len(wide["names"]) == 9
    deep: object = 1
    for _ in range(20):
        deep = {"in": deep}
    assert "…" in as_text(None, {"deep": deep}, None)
    assert as_text(None, None, None) == "{}"


def test_times_money_and_broken_text_are_kept_as_text() -> None:
    assert after(at=datetime(2026, 1, 31, tzinfo=UTC)) == {"at": "2026-01-31T00:00:00+00:00"}
    assert as_text(None, {"hours": range(2), "cost": Decimal("0.10"), "n": 2**53}, "why") == (
        '{"after":{"cost":"0.10","hours":[0,1],"n":"9007199254740992"},"reason":"why"}'
    )
    assert clean("a\x00b\udce4") == "a\N{REPLACEMENT CHARACTER}b?"
