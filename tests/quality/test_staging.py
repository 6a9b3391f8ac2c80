"""From raw to staged in frames: how many they are makes no difference to what comes out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import MissingReferenceError
from chimera_assets.errors import ChimeraError
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake, bounded, reading
from chimera_assets.quality import hour_pass, repeated, stage_hours
from chimera_assets.reconciliation.row_conservation import row_conservation
from chimera_assets.run_context import RunContext
from tests.quality.rows import HOUR, PROVIDERS, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

HOURS = HourRange(HOUR, HOUR + timedelta(hours=3))
LAST = HourRange.single(HOUR + timedelta(hours=2))
JUDGED = HOUR + timedelta(hours=4)
ROWS = 1_200


def raw_rows(bad_in_last: int) -> list[dict[str, Any]]:
    """Three hours: bad rows in each, keys that came twice and thrice, nearly too many bad."""
    made = []
    for hour in HOURS:
        rows = [good_row(n, hour) for n in range(ROWS)]
        bad = bad_in_last if hour in LAST else 10
        for n in range(0, bad * 50, 50):
            rows[n] |= {"latency_ms": -1.0, "tokens_used": None}
        late = {"created_at": hour + timedelta(minutes=59), "tokens_used": 81}
        rows += [rows[n] | late for n in range(1, ROWS, 37)]
        rows += [rows[n] | late | {"tokens_used": 82} for n in range(1, ROWS, 111)]
        made += rows
    return made


def lake_of(folder: Path, rows: list[dict[str, Any]]) -> Lake:
    lake = Lake(str(folder))
    lake.table("staged", "providers").overwrite(pl.DataFrame({"provider_id": PROVIDERS}))
    lake.table("raw", "generations").write_hours(raw_frame(shipped()["generations"], rows), HOURS)
    return lake


def everything(lake: Lake) -> dict[str, pl.DataFrame]:
    """All that staging writes, in an order of its own."""
    frames = {
        f"{layer}/{name}": lake.table(layer, name).read().collect()
        for layer, name in lake.tables()
        if layer in {"staged", "quarantine", "quality"}
    }
    return {
        name: frame.sort([n for n, kind in frame.schema.items() if not kind.is_nested()])
        for name, frame in frames.items()
    }


def test_an_hour_in_many_frames_is_the_same_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when an hour is blocked, so that the pass is made twice and what was is kept.

    Rows that break rules are explained when there are some, again and again.
    """
    contract = shipped()["generations"]
    found = []
    for frame_rows, suspect_rows, most_bytes in ((1_000_000, 1_000_000, 2**25), (100, 3, 2_000)):
        monkeypatch.setattr(reading, "_SCANNED_ROWS", frame_rows)
        monkeypatch.setattr(hour_pass, "FRAME_ROWS", frame_rows)
        monkeypatch.setattr(hour_pass, "SUSPECT_ROWS", suspect_rows)
        for module in (bounded, hour_pass, repeated):
            monkeypatch.setattr(module, "MOST_BYTES", most_bytes)
        lake = lake_of(tmp_path / str(frame_rows), raw_rows(bad_in_last=5))
        first = stage_hours(RunContext(lake, JUDGED, "first"), contract, HOURS)
        assert first.batches["published"].all()
        published = lake.table("staged", "generations").read(LAST).collect().height

        spoilt = raw_frame(contract, raw_rows(bad_in_last=20))
        lake.table("raw", "generations").write_hours(
            spoilt.with_columns(pl.lit("later").alias("_batch_id")), HOURS
        )
        later = JUDGED + timedelta(hours=1)
        second = stage_hours(RunContext(lake, later, "second"), contract, HOURS)

        assert second.batches["published"].to_list() == [True, True, False]
        kept = lake.table("staged", "generations").read(LAST).collect()
        assert kept.height == published
        assert set(kept["_batch_id"]) == {"batch"}
        counted = row_conservation(lake, contract, HOURS)
        assert counted.lost.is_empty()
        taken = first.batches.row(0, named=True)
        assert taken["extracted"] == ROWS + 33 + 11
        assert taken["duplicates"] == 33 + 11
        assert taken["quarantined"] == 10
        found.append(everything(lake))
    one, many = found
    assert one.keys() == many.keys()
    for name, frame in one.items():
        assert frame.equals(many[name]), name


def test_a_rule_whose_reference_was_not_taken_yet_says_what_to_do(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    contract = shipped()["generations"]
    lake.table("raw", "generations").write_hours(raw_frame(contract, [good_row()]), HOURS)
    with pytest.raises(ChimeraError, match="materialize staged/providers first") as caught:
        stage_hours(RunContext(lake, JUDGED, "r"), contract, HOURS)
    assert not isinstance(caught.value, MissingReferenceError)
    assert not lake.table("staged", "generations").exists()
    assert not lake.table("quarantine", "generations").exists()
