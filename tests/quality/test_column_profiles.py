"""What an hour's columns were like is kept with it: counts of all, no value that is personal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.lake import Lake, reading
from chimera_assets.lifecycle.policy import policy
from chimera_assets.quality import hour_pass, stage_hours
from chimera_assets.quality.column_profiles import SKETCH, ColumnProfiles
from chimera_assets.quality.profile_comparison import compared_profiles
from chimera_assets.run_context import RunContext
from tests.quality.rows import HOUR, PROVIDERS, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

HOURS = HourRange(HOUR, HOUR + timedelta(hours=3))
ROWS = 3_000
PERSON = "carol@example.com"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    made.table("staged", "providers").overwrite(pl.DataFrame({"provider_id": PROVIDERS}))
    return made


def extracted(lake: Lake, rows: list[dict[str, Any]], hours: HourRange = HOURS) -> None:
    lake.table("raw", "generations").write_hours(raw_frame(shipped()["generations"], rows), hours)


def judged(lake: Lake, hours: HourRange = HOURS, run: str = "r", after: int = 1) -> None:
    now = HOURS.end + timedelta(hours=after)
    stage_hours(RunContext(lake, now, run), shipped()["generations"], hours)


def profile(lake: Lake, hour: int = 0) -> dict[str, dict[str, Any]]:
    rows = lake.table("quality", "column_profiles").read().collect()
    newest = rows.filter(pl.col("hour") == HOUR.hour + hour)
    newest = newest.filter(pl.col("judged_at") == pl.col("judged_at").max())
    return {row["column"]: row for row in newest.iter_rows(named=True)}


def test_an_hour_in_many_frames_has_the_profile_of_one_in_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rejected and repeated rows do not count; nor does what is personal, but in numbers."""
    rows = [good_row(n, hour, user_id=PERSON) for hour in HOURS for n in range(ROWS)]
    for n in range(0, 30, 3):
        rows[n] |= {"tokens_used": -1}
    rows[1] |= {"error_code": "timeout", "success": False}
    rows[2]["latency_ms"] = 9_000.5
    rows += [rows[n] | {"created_at": HOUR + timedelta(minutes=59)} for n in (1, 31)]
    found = []
    for frame_rows in (1_000_000, 700):
        monkeypatch.setattr(reading, "_SCANNED_ROWS", frame_rows)
        monkeypatch.setattr(hour_pass, "FRAME_ROWS", frame_rows)
        extracted(lake, rows)
        judged(lake)
        found.append(profile(lake))
    one, many = found
    kept = ROWS - 10
    assert {row["rows"] for row in one.values()} == {kept}
    assert list(one) == list(shipped()["generations"].column_names)
    for column, row in one.items():
        said = dict.fromkeys(("distinct", "judged_at"))
        assert row | said == many[column] | said
        true = min(kept, {"event_id": kept, "timestamp": kept, "created_at": kept}.get(column, 0))
        if true > SKETCH:
            assert row["distinct"] == pytest.approx(true, rel=0.15)
            assert many[column]["distinct"] == row["distinct"]
    assert one["error_code"]["nulls"] == kept - 1
    assert (one["error_code"]["distinct"], one["error_code"]["top_values"]) == (1, None)
    assert one["latency_ms"]["highest"] == "9000.5"
    assert one["timestamp"]["lowest"] == "2026-01-31T05:00:01.000000Z"
    counted = {each["value"]: each["rows"] for each in one["provider"]["top_values"]}
    assert counted == {"openai": kept // 2, "anthropic": kept // 2}
    assert one["user_id"] | {"run_id": "", "judged_at": None} == {
        "run_id": "",
        "stream": "generations",
        "hour_partition": HOUR.date(),
        "hour": HOUR.hour,
        "column": "user_id",
        "type": "string",
        "rows": kept,
        "nulls": 0,
        "distinct": 1,
        "lowest": None,
        "highest": None,
        "top_values": None,
        "judged_at": None,
    }
    assert one["event_id"]["top_values"] is None


def test_no_byte_of_a_personal_value_is_in_the_table(lake: Lake, tmp_path: Path) -> None:
    extracted(lake, [good_row(n, user_id=PERSON, tenant_id="acme-secret") for n in range(50)])
    judged(lake)
    folder = tmp_path / "lake" / "quality" / "column_profiles"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files for word in ("carol", "acme-") if word in _text(path)]


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def test_a_blocked_hour_keeps_the_profile_of_what_is_published(lake: Lake) -> None:
    good = [good_row(n, hour) for hour in HOURS for n in range(100)]
    extracted(lake, good)
    judged(lake)
    last = HourRange.single(HOUR)
    extracted(lake, [good_row(n, HOUR, success=None) for n in range(100)], last)
    judged(lake, last, "blocked", after=2)
    assert profile(lake)["success"]["run_id"] == "r"

    extracted(lake, [good_row(n, HOUR, tokens_used=7) for n in range(40)], last)
    judged(lake, last, "again", after=3)
    assert profile(lake)["tokens_used"]["rows"] == 40


def test_hours_are_compared_with_those_before(lake: Lake) -> None:
    first, second, third = HOURS
    rows = [good_row(n, first, tokens_used=100 + n) for n in range(50)]
    rows.append(good_row(50, first, tokens_used=149, error_code="quota", success=False))
    rows += [
        good_row(n, second, tokens_used=9, error_code="timeout", success=False) for n in range(50)
    ]
    rows += [good_row(n, third, user_id=None, tokens_used=1000) for n in range(50)]
    extracted(lake, rows)
    judged(lake)
    contract = shipped()["generations"]

    newest = compared_profiles(lake, contract)
    assert newest is not None
    assert (newest.hours, newest.before) == (HourRange.single(third), 2)
    columns = {each.column: each for each in newest.columns}
    tokens = columns["tokens_used"]
    assert (tokens.now.lowest, tokens.now.highest) == ("1000", "1000")
    assert (tokens.before.lowest, tokens.before.highest) == ("9", "149")  # as numbers, not texts
    assert tokens.before.median_distinct_an_hour == 25.5
    assert columns["user_id"].now.null_share == 1.0
    assert columns["user_id"].before.null_share == 0.0
    assert columns["error_code"].before.null_share == 50 / 101
    # The first hour has one error that stands for itself: it hides no value of the second.
    assert columns["error_code"].before.top_values == (("timeout", 50),)
    assert columns["error_code"].before.uncounted_rows == 1
    assert columns["event_id"].before.uncounted_rows == 101
    assert columns["model"].now.top_values == (("m-1", 50),)

    both = compared_profiles(lake, contract, HourRange(second, HOURS.end))
    assert both is not None
    assert (both.before, both.columns[0].now.rows) == (1, 100)
    assert compared_profiles(lake, contract, HourRange(HOURS.end, HOURS.end + ONE_HOUR)) is None
    assert compared_profiles(Lake(f"{lake.uri}-none"), contract) is None


def test_profiles_go_when_the_rows_do(lake: Lake) -> None:
    extracted(lake, [good_row(n) for n in range(50)])
    judged(lake)
    kept = policy(lake.table("quality", "column_profiles"), shipped())
    assert kept.retention_days == max(
        one.retention_days for one in shipped().values() if one.kind == "stream"
    )


def test_more_values_than_are_kept_are_estimated() -> None:
    contract = shipped()["generations"]
    rows = raw_frame(contract, [good_row(n) for n in range(3_600)])
    many = pl.concat([rows] * 30).with_columns(
        user_id=pl.format("u{}", pl.int_range(pl.len())), tokens_used=pl.int_range(pl.len()) % 1000
    )
    profiles = ColumnProfiles(contract)
    for part in many.iter_slices(10_000):
        profiles.add(part)
    found = {row["column"]: row for row in profiles.rows("r", HOUR).iter_rows(named=True)}
    assert found["user_id"]["distinct"] == pytest.approx(many.height, rel=0.1)
    assert found["tokens_used"]["distinct"] == 1_000
    assert found["timestamp"]["distinct"] == pytest.approx(3_600, rel=0.1)
