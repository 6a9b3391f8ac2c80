"""From raw to staged in frames: how many they are makes no difference to what comes out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import MissingReferenceError
from chimera_assets.errors import ChimeraError
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR, HourRange
from chimera_assets.lake import Lake, bounded, reading
from chimera_assets.quality import hour_pass, repeated, stage_hours, stage_reference
from chimera_assets.reconciliation.row_conservation import row_conservation
from chimera_assets.run_context import RunContext
from chimera_assets.sources.landing.damage import NO_ROWS
from tests.quality.rows import HOUR, PROVIDERS, RAW, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract

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


def test_a_blocked_hour_keeps_its_rows_while_the_contract_gets_and_loses_columns(
    tmp_path: Path,
) -> None:
    """What is published of it has nothing in a new column, and all it had in one that is gone."""
    contract = shipped()["generations"]
    columns = contract.columns

    def without(name: str) -> Contract:
        left = tuple(column for column in columns if column.name != name)
        rules = tuple(rule for rule in contract.rules if rule.column != name)
        return replace(contract, columns=left, rules=rules)

    def staged(hours: HourRange) -> pl.DataFrame:
        return lake.table("staged", "generations").read(hours).collect()

    rows = [good_row(n, hour) | {"session_id": "s"} for hour in HOURS for n in range(20)]
    lake = lake_of(tmp_path / "lake", rows)
    before = without("trace_id")
    assert stage_hours(RunContext(lake, JUDGED, "a"), before, HOURS).blocked.is_empty()
    for row in rows[-20:]:
        row["tokens_used"] = None
    traced = [row | {"trace_id": "t"} for row in rows]
    lake.table("raw", "generations").write_hours(raw_frame(contract, traced), HOURS)

    done = stage_hours(RunContext(lake, JUDGED, "b"), without("session_id"), HOURS)

    assert done.batches["published"].to_list() == [True, True, False]
    first, kept = staged(HourRange.single(HOUR)), staged(LAST)
    assert (set(first["trace_id"]), set(first["session_id"])) == ({"t"}, {None})
    assert (set(kept["trace_id"]), set(kept["session_id"])) == ({None}, {"s"})
    assert kept["tokens_used"].null_count() == 0


def test_a_rule_whose_reference_was_not_taken_yet_says_what_to_do(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    contract = shipped()["generations"]
    lake.table("raw", "generations").write_hours(raw_frame(contract, [good_row()]), HOURS)
    with pytest.raises(ChimeraError, match="materialize staged/providers first") as caught:
        stage_hours(RunContext(lake, JUDGED, "r"), contract, HOURS)
    assert not isinstance(caught.value, MissingReferenceError)
    assert not lake.table("staged", "generations").exists()
    assert not lake.table("quarantine", "generations").exists()


def test_what_is_kept_of_a_judgement(tmp_path: Path) -> None:
    """Of three hours one has a bad row among a hundred, one is blocked, and one has no rows."""
    first, second, third = HOURS
    contract = shipped()["generations"]
    rows = [good_row(n, first) for n in range(100)]
    rows[3] |= {"latency_ms": -1.0, "tokens_used": None}
    rows[4] |= {"_unreadable": '{"_rule": "malformed_line", "_text": "{"}'}
    rows += [rows[7] | {"created_at": first + timedelta(minutes=59)}]
    rows += [good_row(n, second, success=None) for n in range(2)]
    lake = lake_of(tmp_path / "lake", rows)

    done = stage_hours(RunContext(lake, JUDGED, "run-1"), contract, HOURS)

    same = {"run_id": "run-1", "stream": "generations", "judged_at": JUDGED}
    kept = {
        first: ("batch", 101, 98, 2, 1, 1 - 1 / 100, True),
        second: ("batch", 2, 0, 2, 0, 0.0, False),
        third: (None, 0, 0, 0, 0, 1.0, True),
    }
    names = ("batch_id", "extracted", "staged", "quarantined", "duplicates", "pass_rate")
    expected = [
        dict(zip((*names, "published"), numbers, strict=True))
        | same
        | {"hour_partition": hour.date(), "hour": hour.hour}
        for hour, numbers in kept.items()
    ]
    assert done.batches.to_dicts() == expected
    assert done.blocked["hour"].to_list() == [second.hour]
    table = lake.table("quality", "batches").read().collect().sort("hour")
    assert table.select(done.batches.columns).equals(done.batches)

    of_rule = {(row["hour"], row["rule"]): row for row in done.check_results.iter_rows(named=True)}
    assert len(of_rule) == 3 * (len(contract.rules) + 1 + len(NO_ROWS))
    negative = of_rule[first.hour, "latency_ms_range"]
    assert negative | {"rate": 0} == {
        "run_id": "run-1",
        "batch_id": "batch",
        "stream": "generations",
        "hour_partition": first.date(),
        "hour": first.hour,
        "rule": "latency_ms_range",
        "column": "latency_ms",
        "level": "row",
        "severity": "error",
        "dimension": "conformity",
        "checked": 101,
        "failed": 1,
        "rate": 0,
        "observed": None,
        "passed": False,
        "example_keys": ["e-05-3"],
        "judged_at": JUDGED,
    }
    assert negative["rate"] == pytest.approx(1 / 101)
    assert of_rule[first.hour, "malformed_line"]["failed"] == 1
    assert of_rule[first.hour, "malformed_line"]["dimension"] == "conformity"
    assert (of_rule[first.hour, "readable"]["passed"], of_rule[third.hour, "readable"]["rate"]) == (
        True,
        0.0,
    )
    volume = of_rule[third.hour, "volume"]
    assert (volume["checked"], volume["failed"], volume["observed"]) == (1, 1, 0.0)
    assert (volume["level"], volume["severity"], volume["passed"]) == ("batch", "warning", False)
    unique = of_rule[first.hour, "event_id_unique"]
    assert (unique["observed"], unique["passed"], unique["example_keys"]) == (1.0, False, [])

    assert done.staged is not None
    staged = lake.table("staged", "generations").history(1)[0]
    assert (staged["run"], staged["contract"]) == ("run-1", contract.version)
    assert lake.table("quarantine", "generations").history(1)[0]["run"] == "run-1"

    # Judged again by a clock that was set back: still the last judgement.
    again = stage_hours(RunContext(lake, JUDGED - ONE_HOUR, "run-2"), contract, HOURS)
    assert set(again.batches["judged_at"]) == {JUDGED + timedelta(microseconds=1)}
    assert set(again.batches["run_id"]) == {"run-2"}


def test_what_is_kept_of_the_judgement_of_a_reference_table(tmp_path: Path) -> None:
    contract = shipped()["providers"]
    lake = Lake(str(tmp_path / "lake"))
    rows: list[dict[str, Any]] = [
        {
            "provider_id": name,
            "provider_name": name,
            "enabled": True,
            "updated_at": HOUR + timedelta(minutes=n),
            "_batch_id": "batch",
            "_ingested_at": HOUR,
        }
        for n, name in enumerate(["openai", "openai", "azure", None])
    ]
    types = {name: kind for name, kind in RAW.items() if name not in HOUR_COLUMNS}
    raw = pl.DataFrame(rows, schema=dict(contract.polars_schema()) | types)
    lake.table("raw", "providers").overwrite(raw)

    blocked = stage_reference(RunContext(lake, JUDGED, "run-1"), contract)

    assert blocked.staged is None
    assert blocked.batches.to_dicts() == [
        {
            "run_id": "run-1",
            "batch_id": "batch",
            "stream": "providers",
            "hour_partition": JUDGED.date(),
            "hour": JUDGED.hour,
            "extracted": 4,
            "staged": 2,
            "quarantined": 1,
            "duplicates": 1,
            "pass_rate": 0.75,
            "published": False,
            "judged_at": JUDGED,
        }
    ]
    left = lake.table("quarantine", "providers").read().collect()
    assert left["reasons"].to_list() == [["provider_id_not_null"]]
    assert left["hour"].to_list() == [JUDGED.hour]

    lake.table("raw", "providers").overwrite(raw.head(3))
    later = stage_reference(RunContext(lake, JUDGED + ONE_HOUR, "run-2"), contract)
    assert later.batches["published"].to_list() == [True]
    staged = lake.table("staged", "providers")
    assert sorted(staged.read().collect()["provider_id"]) == ["azure", "openai"]
    assert staged.history(1)[0]["run"] == "run-2"
    assert lake.table("quarantine", "providers").history(1)[0]["run"] == "run-2"
    assert lake.table("quality", "batches").count() == 2
