"""An hour that its source has mostly lost is not extracted again unless somebody asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.hours import HourRange
from chimera_assets.ingest import loss_guard
from chimera_assets.ingest.files_only import FilesOnly
from chimera_assets.ingest.loss_guard import Shrunk, held_back, shrunk
from chimera_assets.lake import Lake
from tests.quality.rows import HOUR, good_row, raw_frame, shipped

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = shipped()["generations"]
NEXT = HOUR + timedelta(hours=1)
HOURS = HourRange(HOUR, HOUR + timedelta(hours=2))
ROWS = 10


@dataclass
class Source:
    """What is left at the source: rows of each hour, and keys wherever they are."""

    rows: dict[datetime, int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)

    def rows_by_hour(self, hours: HourRange) -> dict[datetime, int]:
        return dict.fromkeys(hours, 0) | {h: n for h, n in self.rows.items() if h in hours}

    def count_keys(self, keys: str) -> int:
        given = json.loads(keys)
        self.asked.append(len(given))
        return sum(one["event_id"] in self.keys for one in given)


def rows_of(*hours: datetime) -> list[dict[str, Any]]:
    return [good_row(n, hour) for hour in hours for n in range(ROWS)]


def left(count: int, hour: datetime = HOUR) -> set[str]:
    return {row["event_id"] for row in rows_of(hour)[:count]}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    made.table("raw", "generations").write_hours(raw_frame(CONTRACT, rows_of(*HOURS)), HOURS)
    return made


def held(lake: Lake, source: Any, hours: HourRange = HOURS) -> list[Shrunk]:
    return shrunk(lake, CONTRACT, source, hours)


@pytest.mark.parametrize(("count", "kept"), [(10, True), (5, True), (4, False), (0, False)])
def test_half_of_an_hour_may_be_gone_and_no_more(lake: Lake, count: int, *, kept: bool) -> None:
    source = Source({HOUR: count, NEXT: ROWS}, left(count) | left(ROWS, NEXT))
    assert held(lake, source) == ([] if kept else [Shrunk(HOUR, ROWS, count)])


def test_every_hour_of_a_source_that_has_nothing_any_more(lake: Lake) -> None:
    both = [Shrunk(HOUR, ROWS, 0), Shrunk(NEXT, ROWS, 0)]
    assert held(lake, Source()) == both
    assert held(lake, FilesOnly()) == both
    said = held_back("generations", both)
    assert "2026-01-31-05:00 (0 of 10 rows left), 2026-01-31-06:00 (0 of 10 rows left)" in said
    assert "`chimera backfill` extracts hours as the source has them" in said


def test_only_the_hours_that_were_asked_about(lake: Lake) -> None:
    assert held(lake, Source(), HourRange.single(NEXT)) == [Shrunk(NEXT, ROWS, 0)]
    after = NEXT + timedelta(hours=1)  # it never had any rows
    assert held(lake, Source(), HourRange.single(after)) == []
    assert held(lake, Source(), HourRange(NEXT, after + timedelta(hours=1))) == [
        Shrunk(NEXT, ROWS, 0)
    ]


@pytest.mark.parametrize("at_once", [3, 5_000])
@pytest.mark.parametrize(("moved", "kept"), [(5, True), (4, False)])
def test_rows_that_are_in_another_hour_now_are_not_lost(
    lake: Lake, at_once: int, moved: int, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    monkeypatch.setattr(loss_guard, "_KEYS_AT_ONCE", at_once)
    source = Source({NEXT: ROWS}, left(moved))
    assert held(lake, source) == ([] if kept else [Shrunk(HOUR, ROWS, moved)])
    assert sum(source.asked) == ROWS
    assert max(source.asked) <= at_once


def test_rows_that_came_by_files_are_not_the_sources_to_lose(lake: Lake) -> None:
    """Of ten rows seven landed: of the three others two are gone."""
    landed = raw_frame(CONTRACT, rows_of(HOUR)[:7])
    lake.table("landing", "generations").write_hours(landed, HourRange.single(HOUR))
    one = Source({HOUR: 1, NEXT: ROWS}, {rows_of(HOUR)[8]["event_id"]})
    assert held(lake, one) == [Shrunk(HOUR, 3, 1)]
    two = Source({HOUR: 2, NEXT: ROWS}, set())
    assert held(lake, two) == []
    lake.table("landing", "generations").write_hours(
        raw_frame(CONTRACT, rows_of(*HOURS) * 2), HOURS
    )
    assert held(lake, Source()) == []  # more landed than was extracted yet: nothing to lose


def test_an_hour_that_was_never_extracted_cannot_lose_anything(tmp_path: Path) -> None:
    assert held(Lake(str(tmp_path / "none")), Source()) == []
