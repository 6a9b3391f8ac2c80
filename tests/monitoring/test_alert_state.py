"""What is reported, what is not reported again, and what is reported when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets import hour_ranges
from chimera_assets.hours import HourRange
from chimera_assets.monitoring.alerts.conditions import AlertSettings, AlertState, decide
from chimera_assets.monitoring.alerts.messages import MessageWriter
from chimera_assets.runs.facts import (
    Blocked,
    Facts,
    Failed,
    Freshness,
    Late,
    Run,
)

DAY = datetime(2026, 1, 31, tzinfo=UTC)
RAW, STAGE, DBT = "raw/generations", "stage_generations", "warehouse"
ALL_STEPS = frozenset({RAW, STAGE, DBT})
DOWN = Failed(RAW, "PostgreSQL db:5432/operational: connection refused; is the server up?")
LIMIT = timedelta(minutes=10)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


def hours(first: int, last: int | None = None) -> HourRange:
    return HourRange(at(first), at((last if last is not None else first) + 1))


def blocked(hour: int, rejected: int = 4) -> Blocked:
    return Blocked("generations", at(hour), 200, rejected)


class OnCall:
    """Somebody who is notified, and the instance they are notified of."""

    def __init__(self, *, success: bool = False) -> None:
        self.reported = AlertState(since=DAY)
        self.wishes = AlertSettings(success, LIMIT)
        self.runs = 0

    def run(self, of: HourRange | None, *failed: Failed, minutes: int = 1, **reported: Any) -> Run:
        """A run that ended; it failed if there is a failure or a blocked gate."""
        self.runs += 1
        success = not failed and not reported.get("blocked")
        lost = {one.step for one in failed}
        start = of.end if of is not None else at(6)
        made = {
            "job": "chimera_etl_hourly",
            "success": success,
            "steps": ALL_STEPS if success else ALL_STEPS - lost - {STAGE, DBT},
        }
        end = start + timedelta(minutes=minutes)
        return Run(f"run-{self.runs}", hours=of, started=start, ended=end, **(made | reported))  # type: ignore[arg-type]

    def hears(self, *ended: Run, now: datetime | None = None, **facts: Any) -> list[str]:
        """Kind and title of each message."""
        when = now or max((run.ended for run in ended if run.ended), default=at(6))
        self.reported, self.messages = decide(
            self.reported, Facts(when, ended, **facts), self.wishes, MessageWriter("http://ui")
        )
        return [f"{one.kind}: {one.title.removeprefix('Chimera: ')}" for one in self.messages]

    def failed(self, of: HourRange, *failed: Failed, **reported: Any) -> list[str]:
        return self.hears(self.run(of, *(failed or (DOWN,)), failed=failed or (DOWN,), **reported))

    def succeeded(self, of: HourRange, **reported: Any) -> list[str]:
        return self.hears(self.run(of, **reported))


def test_a_cause_is_reported_once_while_it_lasts_and_once_when_all_its_hours_are_mended() -> None:
    me = OnCall()
    assert me.failed(hours(5)) == ["failure: hour 2026-01-31 05:00 UTC failed"]
    assert "connection refused" in me.messages[0].body
    assert "chimera backfill --start 2026-01-31T05:00Z --end 2026-01-31T06:00Z" in (
        me.messages[0].body
    )
    assert "http://ui/runs/run-1" in me.messages[0].body
    assert me.failed(hours(6)) == []
    assert me.failed(hours(5)) == []
    assert me.succeeded(hours(7)) == []  # the server is back, two hours are still missing
    assert me.succeeded(hours(5)) == []
    assert me.succeeded(hours(6)) == ["resolved: hour 2026-01-31 06:00 UTC recovered"]
    assert me.succeeded(hours(6)) == []


def test_a_cause_that_comes_back_after_it_had_gone_is_reported_again() -> None:
    me = OnCall()
    me.failed(hours(5))
    me.succeeded(hours(6))
    assert me.failed(hours(5)) == []  # that hour is known
    me.succeeded(hours(7))
    assert me.failed(hours(8)) == ["failure: hour 2026-01-31 08:00 UTC failed"]
    assert me.succeeded(hours(5, 8)) == [
        "resolved: hours 2026-01-31 05:00 to 2026-01-31 08:00 UTC (4 hours) recovered"
    ]


def test_one_cause_of_many_steps_is_one_message_and_two_causes_are_two() -> None:
    me = OnCall()
    other = Failed("raw/providers", DOWN.cause)
    disk = Failed(DBT, "/lake/marts/fact_generations: the disk is full")
    assert len(me.failed(hours(5), DOWN, other, disk)) == 2
    assert me.messages[0].body.startswith("raw/generations, raw/providers: PostgreSQL")
    assert me.messages[1].body.startswith("warehouse: /lake/marts")


def test_numbers_do_not_make_another_cause() -> None:
    me = OnCall()
    me.failed(hours(5), Failed(RAW, "table x: version 12 is gone"))
    assert me.failed(hours(6), Failed(RAW, "table x: version 13 is gone")) == []


def test_success_of_other_steps_mends_nothing() -> None:
    me = OnCall()
    me.failed(hours(5), Failed(DBT, "dbt failed: model fact_generations"))
    assert me.succeeded(hours(5), steps=frozenset({RAW}), job="__ASSET_JOB") == []
    assert me.succeeded(hours(5), steps=frozenset({DBT}), job="__ASSET_JOB") == [
        "resolved: hour 2026-01-31 05:00 UTC recovered"
    ]


def test_a_step_that_succeeds_in_a_run_that_fails_elsewhere_is_mended() -> None:
    me = OnCall()
    me.failed(hours(5))
    disk = Failed(DBT, "the disk is full")
    assert me.failed(hours(5), disk, steps=frozenset({RAW, STAGE})) == [
        "resolved: hour 2026-01-31 05:00 UTC recovered",
        "failure: hour 2026-01-31 05:00 UTC failed",
    ]


def test_a_run_that_died_is_over_with_a_run_of_its_hour_that_succeeds() -> None:
    me = OnCall()
    assert len(me.failed(hours(5), Failed("", "The process is gone"))) == 1
    assert me.failed(hours(5), DOWN) == ["failure: hour 2026-01-31 05:00 UTC failed"]
    assert len(me.succeeded(hours(5))) == 2


def test_a_gate_is_reported_for_each_hour_with_its_rows_and_when_it_opens() -> None:
    me = OnCall()
    gate = me.hears(me.run(hours(5), blocked=(blocked(5),)))
    assert gate == ["gate: generations blocked, 2026-01-31 05:00 UTC"]
    body = me.messages[0].body
    assert "4 of 200 rows rejected" in body
    assert "chimera quarantine list --stream generations --hour 2026-01-31T05" in body
    assert me.hears(me.run(hours(5), blocked=(blocked(5, 9),))) == []
    assert me.hears(me.run(hours(6), blocked=(blocked(6),))) == [
        "gate: generations blocked, 2026-01-31 06:00 UTC"
    ]
    assert me.succeeded(hours(7)) == []
    assert me.succeeded(hours(6)) == ["resolved: generations published, 2026-01-31 06:00 UTC"]
    assert me.succeeded(hours(5)) == ["resolved: generations published, 2026-01-31 05:00 UTC"]


def test_a_range_tells_its_blocked_hours_in_one_message_and_opens_the_others() -> None:
    me = OnCall()
    me.hears(me.run(hours(4), blocked=(blocked(4),)))
    ran = me.run(
        hours(0, 9), blocked=tuple(blocked(n) for n in (1, 2, 3, 5, 6, 7, 8)), steps=ALL_STEPS
    )
    assert me.hears(ran) == [
        "resolved: generations published, 2026-01-31 04:00 UTC",
        "gate: generations blocked, 7 hours of 2026-01-31 01:00 to 2026-01-31 08:00 UTC",
    ]
    assert "and 1 more hours; 28 of 1,400 rows in all" in me.messages[1].body
    assert "--from 2026-01-31T01:00Z --to 2026-01-31T09:00Z" in me.messages[1].body
    assert me.hears(me.run(hours(2), blocked=(blocked(2),))) == []
    assert me.succeeded(hours(0, 9)) == [
        "resolved: generations published, 7 hours of 2026-01-31 01:00 to 2026-01-31 08:00 UTC"
    ]


def test_a_blocked_reference_table_has_no_hour() -> None:
    me = OnCall()
    gate = Blocked("providers", None, 20, 3)
    assert me.hears(me.run(hours(5), blocked=(gate,))) == ["gate: providers blocked"]
    assert me.hears(me.run(hours(6), blocked=(gate,))) == []
    steps = ALL_STEPS | {"stage_providers"}
    assert me.succeeded(hours(7), steps=steps) == ["resolved: providers published"]


def test_a_slow_run_is_reported_while_it_runs_and_not_again_at_its_end() -> None:
    me = OnCall()
    running = Run("slow", "chimera_etl_hourly", hours(5), at(6))
    assert me.hears(running=(running,), now=at(6, 10)) == []
    assert me.hears(running=(running,), now=at(6, 11)) == ["sla: hour 2026-01-31 05:00 UTC is slow"]
    assert "still running after 11 minutes; the limit is 10 minutes" in me.messages[0].body
    assert me.hears(running=(running,), now=at(6, 12)) == []
    over = Run("slow", "chimera_etl_hourly", hours(5), at(6), at(6, 20), success=True)
    assert me.hears(over, now=at(6, 21)) == []
    assert me.hears(me.run(hours(0, 3), minutes=30)) == [
        "sla: hours 2026-01-31 00:00 to 2026-01-31 03:00 UTC (4 hours) is slow"
    ]


def test_upkeep_may_take_its_time_and_is_reported_by_its_own_kind() -> None:
    me = OnCall()
    disk = Failed("compact", "the disk is full")
    slow = me.run(None, disk, failed=(disk,), job="chimera_upkeep", minutes=50)
    assert me.hears(slow) == ["upkeep: chimera_upkeep failed"]
    assert me.hears(me.run(None)) == []  # another job's success
    done = me.run(None, job="chimera_upkeep", steps=frozenset({"compact"}))
    assert me.hears(done) == ["resolved: chimera_upkeep recovered"]


def test_a_failed_check_is_worded_with_its_asset_and_a_silent_death_as_such() -> None:
    me = OnCall()
    me.failed(hours(4), Failed(DBT, "2 rows", check="unique", asset="marts/fact_generations"))
    (message,) = me.messages
    assert f"{DBT}: check unique of marts/fact_generations failed: 2 rows" in message.body
    me.failed(hours(5), Failed("", ""))
    (message,) = me.messages
    assert message.body.startswith("the run's process ended without a message")


def test_late_rows_are_reported_with_their_number() -> None:
    me = OnCall()
    ran = me.run(hours(4), late=Late("generations", 37))
    assert me.hears(ran) == ["late: late rows in generations, hour 2026-01-31 04:00 UTC"]
    assert me.messages[0].body.startswith("37 rows of generations")
    me.hears(me.run(hours(5), late=Late("generations", 1)))
    assert me.messages[-1].body.startswith("1 row of generations")


def test_success_is_reported_only_to_those_who_asked() -> None:
    assert OnCall().succeeded(hours(4)) == []
    assert OnCall(success=True).succeeded(hours(4)) == ["success: hour 2026-01-31 04:00 UTC done"]


def test_freshness_is_reported_when_it_is_lost_and_when_it_is_back() -> None:
    me = OnCall()
    stale = Freshness("generations", fresh=False, checked=at(6))
    fresh = Freshness("generations", fresh=True, checked=at(8))
    assert me.hears(freshness=(fresh,)) == []
    assert me.hears(freshness=(stale,)) == ["freshness: generations is not fresh"]
    assert me.hears(freshness=(stale,)) == []
    assert me.hears(freshness=(fresh,)) == ["resolved: generations is fresh again"]


HOUR = st.integers(0, 5)
ENDED = st.one_of(
    st.tuples(st.just("fails"), HOUR),
    st.tuples(st.just("blocks"), HOUR),
    st.tuples(st.just("ok"), HOUR),
)


@settings(max_examples=150)
@given(st.lists(ENDED, max_size=25), st.data())
def test_however_runs_end_what_lasts_was_reported_and_what_is_over_was_reported_to_be(
    story: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Told state against a plain account of what is broken, with ticks at any instants."""
    me = OnCall()
    ends: dict[str, Any] = {"fails": {"failed": (DOWN,)}, "ok": {}}
    runs = [
        me.run(hours(hour), *reported.get("failed", ()), **reported)
        for kind, hour in story
        for reported in [ends.get(kind, {"blocked": (blocked(hour),)})]
    ]
    said: list[str] = []
    while runs:
        count = data.draw(st.integers(1, len(runs)))
        seen, runs = runs[:count], runs[count:]
        said += me.hears(*seen, now=at(1))
        assert me.hears(*seen, now=at(1)) == []  # the same facts again are no news
    missing, shut = set(), set()
    for kind, hour in story:
        if kind == "fails":
            missing.add(hour)
        else:
            missing.discard(hour)
        if kind == "blocks":
            shut.add(hour)
        elif kind == "ok":
            shut.discard(hour)
    left = {h for r in me.reported.blocked.get("generations", []) for h in r}
    assert left == {at(hour) for hour in shut}
    failing = {h for one in me.reported.failing.values() for r in one.hours for h in r}
    assert failing == {at(hour) for hour in missing}
    began = sum(one.startswith("gate") for one in said)
    ended = sum(one.startswith("resolved: generations published") for one in said)
    assert began - ended == len(shut)
    assert (sum(one.startswith("failure") for one in said) == 0) == (
        not any(kind == "fails" for kind, _ in story)
    )


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_sets_of_hours_are_sets(some: set[int], gone: set[int]) -> None:
    one = hour_ranges.merged(hours(n) for n in some)
    other = hour_ranges.merged(hours(n) for n in gone)
    left = hour_ranges.minus(one, other)
    assert {h for r in left for h in r} == {at(n) for n in some - gone}
    assert len(one) == sum(n - 1 not in some for n in some)
    assert all(hour_ranges.holds(one, at(n)) == (n in some) for n in range(41))
    assert all(hour_ranges.covers(one, hours(n)) == (n in some) for n in range(41))
