"""Contracts of other shapes than ours: whatever columns a stream has, it is staged and verified."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.contracts import load_contract
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.quality import stage_hours
from chimera_assets.reconciliation.verify import verify
from chimera_assets.run_context import RunContext
from tests.quality.rows import raw_frame

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
HOURS = HourRange(START, START + timedelta(hours=2))
ROWS = 30

_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:contract:things
version: 1.0.0
slaProperties:
  - {property: freshness, value: 2, unit: h}
  - {property: retention, value: 365, unit: d}
schema:
  - name: things
    customProperties:
      - {property: eventTime, value: at}
      - {property: arrivalTime, value: ARRIVES}
    properties:
"""
_ID = "{name: id, logicalType: integer, primaryKey: true, required: true, classification: L1}"
_AT = "{name: at, logicalType: timestamp, required: true, classification: L1}"
_STORED = _AT.replace("name: at", "name: stored")
_NUMBER = "{name: v, logicalType: number, physicalType: 'numeric(6, 2)', classification: L1}"
_PERSONAL = "{name: who, logicalType: string, classification: L3}"
_TIME_IN_KEY = _AT.replace("required", "primaryKey: true, required")

#: What is special -> the columns.
SHAPES = {
    "one time is both": [_ID, _AT],
    "no text": [_ID, _AT, _STORED, _NUMBER],
    "every text is personal": [_ID, _AT, _STORED, _PERSONAL],
    "all columns are the key": [_ID, _TIME_IN_KEY],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_of_any_shape_is_staged_and_every_promise_recounted(
    shape: str, tmp_path: Path
) -> None:
    columns = SHAPES[shape]
    arrives = "stored" if _STORED in columns else "at"
    lines = "".join(f"      - {column}\n" for column in columns)
    file = tmp_path / "things.odcs.yaml"
    file.write_text(_CONTRACT.replace("ARRIVES", arrives) + lines)
    contract = load_contract(file)
    rows = [
        {
            "id": number,
            "at": hour + timedelta(seconds=number),
            "stored": HOURS.end,
            "who": "carol",
            "hour_partition": hour.date(),
            "hour": hour.hour,
            "_batch_id": "batch",
            "_ingested_at": HOURS.end,
        }
        for each, hour in enumerate(HOURS)
        for number in range(each * ROWS, each * ROWS + ROWS)
    ]
    lake = Lake(str(tmp_path / "lake"))
    lake.table("raw", "things").write_hours(raw_frame(contract, rows), HOURS)

    staged = stage_hours(RunContext(lake, HOURS.end, "r"), contract, HOURS)

    assert staged.batches["staged"].to_list() == [ROWS, ROWS]
    found = verify(lake, {"things": contract})
    assert [str(failure) for failure in found.failures] == []
    assert found.rows
    profiles = lake.table("quality", "column_profiles").read().collect()
    assert set(profiles["column"]) == set(contract.column_names)
    assert "carol" not in str(profiles.select(pl.exclude("column")).to_dicts())
