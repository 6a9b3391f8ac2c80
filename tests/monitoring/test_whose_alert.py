"""An alert is over by what mends it, never by something else that went well."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chimera_assets.runs.facts import Blocked, Failed, Freshness, Late, Run
from tests.monitoring.test_alert_state import ALL_STEPS, DBT, DOWN, RAW, OnCall, at, blocked, hours

#: Clocks differ, and records come late.
HOURS_READ_AGAIN = timedelta(hours=2)

DISK = Failed("tend", "the disk is full")
DIED = Failed("", "The process is gone")


def over(job: str) -> list[str]:
    return [f"resolved: {job} recovered"]


@pytest.mark.parametrize("failure", [DISK, DIED], ids=["a step failed", "the run died"])
def test_another_jobs_success_ends_no_alert_of_a_job_without_hours(failure: Failed) -> None:
    """Not even if its steps have the same names."""
    me = OnCall()
    mine = {"job": "chimera_upkeep", "steps": frozenset[str]()}
    assert me.hears(me.run(None, failure, failed=(failure,), **mine)) == [
        "upkeep: chimera_upkeep failed"
    ]
    done = frozenset({"tend"})
    assert me.hears(me.run(None, job="chimera_freshness", steps=done)) == []
    assert me.hears(me.run(hours(5), job="chimera_etl_hourly", steps=ALL_STEPS | done)) == []
    failed_again = me.run(None, failure, failed=(failure,), **mine)
    assert me.hears(failed_again) == []
    assert me.hears(me.run(None, job="chimera_upkeep", steps=done)) == over("chimera_upkeep")


def test_one_cause_in_two_jobs_is_two_alerts_and_each_has_its_own_end() -> None:
    me = OnCall()
    done = frozenset({"tend"})
    jobs = ("chimera_upkeep", "reports")
    for job, kind in zip(jobs, ("upkeep", "failure"), strict=True):
        ran = me.run(None, DISK, failed=(DISK,), job=job, steps=frozenset[str]())
        assert me.hears(ran) == [f"{kind}: {job} failed"]
    full = Failed(DBT, DISK.cause)
    assert len(me.failed(hours(5), full)) == 1  # nor is it known of the hours by those
    for job in jobs:
        assert me.hears(me.run(None, job=job, steps=done)) == over(job)
    assert me.succeeded(hours(5)) == ["resolved: hour 2026-01-31 05:00 UTC recovered"]


def test_one_cause_of_hours_is_one_whichever_job_runs_them() -> None:
    me = OnCall()
    me.failed(hours(5))
    by_hand = me.run(hours(6), DOWN, failed=(DOWN,), job="__ASSET_JOB")
    assert me.hears(by_hand) == []
    assert me.succeeded(hours(5, 6), job="__ASSET_JOB") == [
        "resolved: hours 2026-01-31 05:00 to 2026-01-31 06:00 UTC (2 hours) recovered"
    ]


def test_a_cause_that_came_back_is_told_once_until_it_goes_again() -> None:
    me = OnCall()
    me.failed(hours(5))
    me.succeeded(hours(6))
    assert len(me.failed(hours(8))) == 1
    assert me.failed(hours(9)) == []


def test_a_run_without_hours_mends_no_hour() -> None:
    me = OnCall()
    me.failed(hours(5))
    assert me.hears(me.run(None, steps=ALL_STEPS)) == []
    assert me.succeeded(hours(4)) == []
    assert me.succeeded(hours(6)) == []
    assert me.succeeded(hours(5)) == ["resolved: hour 2026-01-31 05:00 UTC recovered"]


def test_a_run_that_died_is_not_over_by_one_that_failed() -> None:
    me = OnCall()
    me.failed(hours(5), DIED)
    disk = Failed(DBT, "the disk is full")
    assert me.failed(hours(5), disk, steps=frozenset({RAW})) == [
        "failure: hour 2026-01-31 05:00 UTC failed"
    ]
    assert len(me.succeeded(hours(5))) == 2


def test_a_cause_of_two_steps_is_over_when_both_of_them_succeeded() -> None:
    me = OnCall()
    other = Failed("raw/providers", DOWN.cause)
    me.failed(hours(5), DOWN)
    me.failed(hours(5), other, steps=frozenset({DBT}))
    assert me.succeeded(hours(5), steps=frozenset({RAW}), job="__ASSET_JOB") == []
    assert me.succeeded(hours(5), steps=frozenset({"raw/providers"}), job="__ASSET_JOB") == []
    both = frozenset({RAW, "raw/providers"})
    assert len(me.succeeded(hours(5), steps=both, job="__ASSET_JOB")) == 1


def test_a_gate_is_not_opened_by_a_run_that_judged_other_streams() -> None:
    me = OnCall()
    other = Blocked("provider_health", at(5), 10, 9)
    me.hears(me.run(hours(5), blocked=(blocked(5), other)))
    done = {"steps": frozenset({"stage_provider_health"}), "job": "__ASSET_JOB"}
    assert me.succeeded(hours(5), **done) == [
        "resolved: provider_health published, 2026-01-31 05:00 UTC"
    ]
    assert me.succeeded(hours(5), steps=frozenset({RAW, DBT}), job="__ASSET_JOB") == []
    assert me.hears(me.run(None)) == []  # nor by one of no hours
    assert me.succeeded(hours(5)) == ["resolved: generations published, 2026-01-31 05:00 UTC"]


def test_a_gate_opens_though_that_of_another_stream_stays_shut() -> None:
    me = OnCall()
    other = Blocked("provider_health", at(5), 10, 9)
    me.hears(me.run(hours(5), blocked=(blocked(5), other)))
    again = me.run(hours(5), blocked=(other,), steps=ALL_STEPS | {"stage_provider_health"})
    assert me.hears(again) == ["resolved: generations published, 2026-01-31 05:00 UTC"]


def test_a_stream_that_is_fresh_says_nothing_of_another() -> None:
    me = OnCall()

    def lag(stream: str, *, fresh: bool) -> Freshness:
        return Freshness(stream, fresh=fresh, checked=at(6))

    old = lag("generations", fresh=False)
    assert len(me.hears(freshness=(old, lag("provider_health", fresh=False)))) == 2
    assert me.hears(freshness=(old, lag("provider_health", fresh=True))) == [
        "resolved: provider_health is fresh again"
    ]
    assert me.hears(freshness=(lag("providers", fresh=True),)) == []
    assert me.reported.stale == ["generations"]


def test_a_run_is_slow_beyond_the_limit_and_not_at_it() -> None:
    me = OnCall()
    assert me.hears(me.run(hours(5), minutes=10)) == []
    assert len(me.hears(me.run(hours(5), minutes=11))) == 1
    never_began = Run("queued", "chimera_etl_hourly", hours(5), None)
    assert me.hears(running=(never_began,), now=at(9)) == []


def test_late_rows_are_told_instead_of_the_success_and_not_of_a_run_that_failed() -> None:
    me = OnCall(success=True)
    late = Late("generations", 37)
    assert [one.partition(":")[0] for one in me.succeeded(hours(4), late=late)] == ["late"]
    failed = me.run(hours(4), DOWN, failed=(DOWN,), late=late)
    assert [one.partition(":")[0] for one in me.hears(failed)] == ["failure"]


def test_runs_are_remembered_for_as_long_as_they_are_read_again() -> None:
    """By the time up to which all were read; it never goes back, whatever the clock does."""
    me = OnCall()
    first, last = me.run(hours(5)), me.run(hours(6))
    me.hears(first, now=at(6, 1))
    assert set(me.reported.handled) == {first.run_id}
    assert first.ended is not None
    me.hears(last, now=first.ended + HOURS_READ_AGAIN)
    assert set(me.reported.handled) == {first.run_id, last.run_id}
    me.hears(now=first.ended + HOURS_READ_AGAIN + timedelta(seconds=1))
    assert set(me.reported.handled) == {last.run_id}
    since = me.reported.since
    assert since == first.ended + timedelta(seconds=1)
    me.hears(now=at(0))
    assert me.reported.since == since
    me.hears(now=at(20), until=at(10))  # there are more to read
    assert me.reported.since == at(10) - HOURS_READ_AGAIN
