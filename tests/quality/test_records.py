"""What quarantine keeps of a row: every value as it was received, in JSON."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from chimera_assets.contracts import Column
from chimera_assets.quality.quarantine import SCHEMA, quarantined
from tests.quality.rows import HOUR, shipped

VALUES: dict[str, tuple[Column, Any, Any]] = {
    name: (Column(name, kind, required=False, description="", classification="L1", **more), *both)
    for name, kind, more, both in (
        ("id", "string", {}, ("a", "a")),
        ("day", "date", {}, (date(2026, 1, 31), "2026-01-31")),
        ("price", "number", {"decimal": (18, 10)}, (Decimal("0.0000000001"), "0.0000000001")),
        ("share", "number", {}, (float("nan"), "nan")),
        ("at", "timestamp", {}, (HOUR, "2026-01-31T05:00:00.000000Z")),
        ("tags", "array<string>", {}, (["a", None], ["a", None])),
        ("sure", "boolean", {}, (True, True)),
        ("count", "integer", {}, (None, None)),
    )
}


@pytest.mark.parametrize("unreadable", [None, '{"count":"12x"}'])
@pytest.mark.parametrize("share", [0.5, float("nan")])
def test_a_record_has_every_type_whatever_could_not_be_read(
    unreadable: str | None, share: float
) -> None:
    columns = tuple(column for column, _, _ in VALUES.values())
    contract = dataclasses.replace(
        shipped()["generations"], columns=columns, key=("id",), event_time="at", arrival_time="at"
    )
    row = {name: value for name, (_, value, _) in VALUES.items()} | {"share": share}
    schema = dict(contract.polars_schema()) | {
        "hour_partition": pl.Date, "hour": pl.Int32, "_batch_id": pl.String,
        "_unreadable": pl.String, "reasons": pl.List(pl.String),
    }  # fmt: skip
    further = {
        "hour_partition": HOUR.date(), "hour": HOUR.hour, "_batch_id": "b",
        "_unreadable": unreadable, "reasons": ["readable"],
    }  # fmt: skip
    seen = pl.DataFrame(schema={n: SCHEMA[n] for n in ("hour_partition", "hour", "first_seen")}
                        | {"record": pl.UInt64, "replay_state": pl.String})  # fmt: skip

    kept = quarantined(contract, pl.DataFrame([row | further], schema), seen, datetime.now(UTC))

    expected = {name: said for name, (_, _, said) in VALUES.items()}
    expected["share"] = 0.5 if share == 0.5 else "nan"
    expected |= {"count": "12x", "_unreadable": ["count"]} if unreadable else {"count": None}
    assert json.loads(kept["record"][0]) == expected
