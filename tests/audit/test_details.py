"""Whatever is said of a change, an entry stays small and PostgreSQL takes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.audit.details import as_json, clean

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers()),
)


def _refuse(name: str) -> None:
    raise AssertionError(name)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), ANYTHING))
def test_anything_becomes_json_that_postgresql_takes(details: dict[str, object]) -> None:
    text = as_json(details)
    assert text is not None
    assert len(text.encode()) <= 16_000
    assert "\\u0000" not in text
    json.loads(text, parse_constant=_refuse)


def test_large_details_are_cut_and_say_so() -> None:
    many = json.loads(as_json({"rows": list(range(1000)), "text": "x" * 10_000}) or "")
    assert many["rows"][-1] == "… 950 more"
    assert len(many["text"]) == 500
    wide = json.loads(as_json({f"name {n}": ["x" * 500] * 50 for n in range(50)}) or "")
    assert set(wide) == {"cut", "names"}
    deep: object = 1
    for _ in range(20):
        deep = {"in": deep}
    assert "…" in (as_json({"deep": deep}) or "")
    assert as_json(None) is None


def test_times_money_and_broken_text_are_kept_as_text() -> None:
    assert (
        as_json({"at": datetime(2026, 1, 31, tzinfo=UTC)}) == '{"at": "2026-01-31T00:00:00+00:00"}'
    )
    assert as_json({"cost": Decimal("0.10"), "hours": range(2)}) == (
        '{"cost": "0.10", "hours": [0, 1]}'
    )
    assert clean("a\x00b\udce4") == "a\N{REPLACEMENT CHARACTER}b?"
