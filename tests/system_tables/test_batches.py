"""Of an hour that was judged more than once the last judgement counts, in whatever order."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.system_tables import batches, run_counts

if TYPE_CHECKING:
    from pathlib import Path

HOUR = datetime(2026, 1, 31, 23, tzinfo=UTC)
AT = HOUR + timedelta(hours=2)


def judged(run: str, minutes: int, hour: datetime = HOUR, **more: Any) -> dict[str, Any]:
    """An account of an hour, judged some minutes after the story began."""
    return {
        "run_id": run,
        "batch_id": f"batch of {run}",
        "stream": "generations",
        "hour_partition": hour.date(),
        "hour": hour.hour,
        "extracted": 10,
        "staged": 10,
        "quarantined": 0,
        "duplicates": 0,
        "pass_rate": 1.0,
        "published": True,
        "judged_at": AT + timedelta(minutes=minutes),
    } | more


def keep(lake: Lake, *rows: dict[str, Any]) -> None:
    batches.append_batches(lake, pl.DataFrame(list(rows), schema=batches.BATCHES))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


FIRST = judged("first", 1, batch_id="z", extracted=11, staged=9, quarantined=1, duplicates=1)
BLOCKED = judged("blocked", 2, extracted=12, staged=4, quarantined=8, published=False)
LAST = judged("last", 3, extracted=13, staged=0, quarantined=13, published=False)


@pytest.mark.parametrize("order", list(itertools.permutations((FIRST, BLOCKED, LAST))))
def test_the_newest_is_the_one_judged_last_however_late_it_was_written_down(
    lake: Lake, order: tuple[dict[str, Any], ...]
) -> None:
    for one in order:
        keep(lake, one)
    (newest,) = batches.newest_batches(lake).to_dicts()
    assert newest == LAST
    (history,) = batches.hour_history(lake, "generations").to_dicts()
    assert history == {
        "hour_partition": HOUR.date(),
        "hour": 23,
        "batch_id": "batch of last",
        "extracted": 13,
        "rejected": 13,
        "duplicates": 0,
        "published": False,
        "judged_at": LAST["judged_at"],
        "published_batch_id": "z",
        "published_rows": 9,
        "published_at": FIRST["judged_at"],
    }
    whole = HourRange.single(HOUR)
    assert batches.last_judged(lake, "generations", whole) == LAST["judged_at"]
    assert batches.last_published_hour(lake, "generations", whole) == HOUR


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_of_accounts_of_one_moment_the_one_of_the_newest_batch_counts(
    lake: Lake, order: tuple[str, ...]
) -> None:
    """Two runs may end at once; whoever asks gets one answer, and it is of one of them whole."""
    rows = {run: judged(run, 1, extracted=ord(run), staged=ord(run)) for run in "abc"}
    keep(lake, *(rows[run] for run in order))
    (newest,) = batches.newest_batches(lake).to_dicts()
    assert newest == rows["c"]
    (history,) = batches.hour_history(lake, "generations").to_dicts()
    assert (history["batch_id"], history["extracted"]) == ("batch of c", ord("c"))
    assert (history["published_batch_id"], history["published_rows"]) == ("batch of c", ord("c"))


def test_each_stream_and_each_hour_has_an_account_of_its_own(lake: Lake) -> None:
    hours = [HOUR + timedelta(hours=n) for n in range(2)]
    other = judged("other", 9, stream="provider_health", published=False)
    keep(lake, *(judged(f"run {n}", n, hour) for n, hour in enumerate(hours)), other)
    assert batches.newest_batches(lake).height == 3
    assert batches.judged_hours(lake, "generations").sort("hour_partition")["hour"].to_list() == [
        23,
        0,
    ]
    both = HourRange(HOUR, HOUR + timedelta(hours=2))
    assert batches.last_judged(lake, "generations", both) == AT + timedelta(minutes=1)
    one = HourRange.single(HOUR)
    assert batches.last_judged(lake, "generations", one) == AT
    assert batches.last_judged(lake, "providers", both) is None
    assert batches.last_published_hour(lake, "generations", both) == hours[1]
    assert batches.last_published_hour(lake, "provider_health", both) is None
    assert batches.hour_history(lake, "generations", one)["batch_id"].to_list() == [
        "batch of run 0"
    ]

    day, next_day = date(2026, 1, 31), date(2026, 2, 1)
    counted = {
        (first, last): batches.newest_batches_of_days(lake, ["generations"], first, last).height
        for first, last in ((day, day), (next_day, next_day), (day, next_day))
    }
    assert counted == {(day, day): 1, (next_day, next_day): 1, (day, next_day): 2}


def test_a_run_counts_its_own_rows_only(lake: Lake) -> None:
    later = HOUR + timedelta(hours=1)
    keep(lake, FIRST, judged("first", 1, later, published=False, pass_rate=0.5), LAST)
    keep(lake, judged("first", 1, stream="provider_health", extracted=3, staged=3))
    assert run_counts.of_streams(lake, "first").to_dicts() == [
        {"stream": "generations", "extracted": 21, "staged": 19, "quarantined": 1, "duplicates": 1},
        {
            "stream": "provider_health",
            "extracted": 3,
            "staged": 3,
            "quarantined": 0,
            "duplicates": 0,
        },
    ]
    assert run_counts.blocked_hours(lake, "first").to_dicts() == [
        {"stream": "generations", "hour": "2026-02-01-00:00", "pass_rate": 0.5}
    ]
    assert run_counts.blocked_hours(lake, "nobody's").is_empty()


def test_a_lake_without_accounts_has_none(lake: Lake) -> None:
    assert batches.newest_batches(lake).is_empty()
    assert batches.hour_history(lake, "generations").is_empty()
    assert batches.judged_hours(lake, "generations").is_empty()
