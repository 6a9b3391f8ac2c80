"""When an extracted hour has come to its end: judged, and in the facts if it may be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from chimera_assets.ingest.unfinished import _End

#: Its three rows were judged, published, and are in the facts.
ENDED = _End({"batch_id": "b", "published": True}, 3, 3, 3, frozenset({"b"}), expired=False)
BLOCKED = {"batch_id": "b", "published": False}
WITHOUT_ROWS = {"batch_id": None, "published": True}


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, True),
        ({"judged": None}, False),
        ({"judged": None, "expired": True}, True),
        ({"judged": {"batch_id": "a", "published": True}}, False),
        ({"judged": {"batch_id": "a", "published": True}, "raw": 0}, False),
        ({"judged": BLOCKED, "facts": 0}, True),
        ({"judged": WITHOUT_ROWS}, False),
        ({"judged": WITHOUT_ROWS, "raw": 0, "staged": 0, "facts": 0}, True),
        ({"staged": 2}, False),
        ({"fact_batches": frozenset({"a", "b"})}, False),
        ({"fact_batches": frozenset()}, True),  # facts that do not keep it
        ({"facts": None}, True),
    ],
)
def test_an_hour_has_ended_if_its_newest_rows_are_where_they_belong(
    changes: dict[str, Any], *, ended: bool
) -> None:
    assert dataclasses.replace(ENDED, **changes).is_of("b") == ended
