"""`chimera contract check --against 30d`: what a changed contract would reject of past rows."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.quality.rule_trial import try_contract
from tests.quality.rows import HOUR, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract

TODAY = dataclasses.replace(
    shipped()["generations"],
    rules=tuple(r for r in shipped()["generations"].rules if r.check != "references"),
)
HOURS = HourRange(HOUR, HOUR + timedelta(hours=2))
FIRST, SECOND = HOURS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two hours of a hundred rows: in the second one in ten took 900 ms or more; one is bad."""
    made = Lake(str(tmp_path / "lake"))
    rows = [good_row(n, FIRST) for n in range(100)]
    rows += [good_row(n, SECOND, latency_ms=350.0 if n % 10 else 900.0) for n in range(100)]
    rows[0]["tokens_used"] = -1
    made.table("raw", "generations").write_hours(raw_frame(TODAY, rows), HOURS)
    return made


def with_range(severity: str = "error", **bounds: Any) -> Contract:
    """The contract with other bounds for the latency."""
    rules = [
        dataclasses.replace(r, params=bounds, severity=severity)
        if (r.column, r.check) == ("latency_ms", "range")
        else r
        for r in TODAY.rules
    ]
    return dataclasses.replace(TODAY, version="2.0.0", rules=tuple(rules))


def test_a_stricter_rule_rejects_rows_and_blocks_an_hour(lake: Lake) -> None:
    trial = try_contract(lake, with_range(min=0, max=800), TODAY, HOURS)

    assert dict(trial.rows) == {FIRST: 100, SECOND: 100}
    assert trial.today is not None
    assert trial.today.rejected == {FIRST: 1}
    assert trial.tried.rejected == {FIRST: 1, SECOND: 10}
    assert trial.tried.broken["latency_ms_range"] == 10
    assert "latency_ms_range" not in trial.today.broken
    assert trial.tried.blocked(trial.rows) == {SECOND}
    assert trial.today.blocked(trial.rows) == set()


def test_a_warning_rejects_nothing_and_counts(lake: Lake) -> None:
    trial = try_contract(lake, with_range("warning", min=0, max=800), TODAY, HOURS)

    assert trial.tried.rejected == {FIRST: 1}
    assert trial.tried.broken["latency_ms_range"] == 10


def test_values_of_other_tables_are_those_that_the_lake_has_now(lake: Lake) -> None:
    names = dataclasses.replace(shipped()["providers"], rules=())
    known = pl.DataFrame({"provider_id": ["openai"]})
    lake.table("staged", names.stream).overwrite(known)

    trial = try_contract(lake, shipped()["generations"], TODAY, HOURS)

    assert trial.tried.broken["provider_known"] == 100  # every other row's is anthropic
    assert trial.today is not None
    assert "provider_known" not in trial.today.broken


def test_only_the_hours_that_are_asked_for(lake: Lake) -> None:
    trial = try_contract(lake, with_range(min=0, max=800), None, HourRange.single(FIRST))

    assert trial.today is None
    assert dict(trial.rows) == {FIRST: 100}
    assert trial.tried.rejected == {FIRST: 1}


def test_a_new_column_is_null_and_a_changed_type_is_refused(lake: Lake) -> None:
    column = dataclasses.replace(TODAY.columns[0], name="later", required=False)
    wider = dataclasses.replace(TODAY, columns=(*TODAY.columns, column))
    assert try_contract(lake, wider, TODAY, HOURS).tried.rejected == {FIRST: 1}

    retyped = [
        dataclasses.replace(one, type="string") if one.name == "tokens_used" else one
        for one in TODAY.columns
    ]
    other = dataclasses.replace(TODAY, columns=tuple(retyped), rules=())
    with pytest.raises(ArgumentError, match="tokens_used of generations: expected string, found I"):
        try_contract(lake, other, TODAY, HOURS)


def test_without_rows_of_the_past_there_is_nothing_to_try(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="expected rows of the past"):
        try_contract(Lake(str(tmp_path / "none")), TODAY, None, HOURS)
