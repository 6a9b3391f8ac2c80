"""Settings decide when and how hours run and what is notified; the pages pause and start them."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect
from tests.monitoring.receivers import receiver
from tests.site.site import FOUR_STREAMS, Site, generations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.monitoring.receivers import Received

HOUR = "2026-01-24-03:00"
ETL, UPKEEP = "chimera_etl_hourly", "chimera_upkeep"

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "chimera_assets"}
SCHEDULE = {**SELECTOR, "scheduleName": ETL}
SHOW = """query($schedule: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $schedule) {
    ... on Schedule { id cronSchedule scheduleState { status } } } }"""
STOP = """mutation($id: String!) {
  answer: stopRunningSchedule(id: $id) { ... on ScheduleStateResult { scheduleState { status } } }
}"""
START = """mutation($schedule: ScheduleSelector!) {
  answer: startSchedule(scheduleSelector: $schedule) {
    ... on ScheduleStateResult { scheduleState { status } } } }"""
LAUNCH = """mutation($run: ExecutionParams!) {
  answer: launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { status jobName tags { key value } } } } }"""


@pytest.fixture(scope="module")
def on_call() -> Iterator[Received]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, on_call: Received) -> Iterator[Site]:
    """A site where every setting of when and how hours run differs from its default."""
    made = Site(
        tmp_path_factory.mktemp("site") / "home",
        CHIMERA_STREAMS=FOUR_STREAMS,
        CHIMERA_EXECUTOR="multiprocess",
        CHIMERA_SETTLE_MINUTES="20",
        CHIMERA_SLA_MINUTES="0.01",
        CHIMERA_NOTIFY_SUCCESS="true",
        CHIMERA_NOTIFY_URLS=on_call.url.replace("http", "json"),
    )
    yield made
    made.close()


@pytest.mark.criterion("AC-001.1")
def test_settle_minutes_move_the_schedules(site: Site) -> None:
    catalogue = site.process.ask("describe")

    assert catalogue["schedules"][ETL] == "20 * * * *"
    assert catalogue["schedules"]["chimera_freshness"] == "50 * * * *"


@pytest.mark.criterion("AC-001.1", "AC-001.8", "AC-003.4")
def test_hours_and_upkeep_are_scheduled_until_paused_and_started_by_hand_meanwhile(
    site: Site,
) -> None:
    def asked(at: str) -> list[list[str]]:
        runs = site.process.ask("schedules", at=f"2026-03-02T{at}Z")["asked"]
        return [run for run in runs if run[0] in {ETL, UPKEEP}]

    def pages(query: str, at: str, **variables: Any) -> dict[str, Any]:
        return site.process.ask("pages", query=query, variables=variables, at=f"2026-03-02T{at}Z")

    def state() -> str:
        shown = pages(SHOW, "02:00", schedule=SCHEDULE)["scheduleOrError"]
        status: str = shown["scheduleState"]["status"]
        return status

    # As installed: nobody has turned a schedule on.
    assert asked("01:15") == []
    assert asked("01:25") == [[ETL, "2026-03-02-00:00"]]
    assert asked("02:15") == []
    assert asked("02:40") == [[ETL, "2026-03-02-01:00"], [UPKEEP, ""]]

    schedule = pages(SHOW, "02:50", schedule=SCHEDULE)["scheduleOrError"]
    stopped = pages(STOP, "02:50", id=schedule["id"])["answer"]
    assert stopped == {"scheduleState": {"status": "STOPPED"}}
    assert asked("03:25") == []
    assert asked("04:25") == []

    launched = pages(
        LAUNCH,
        "04:30",
        run={
            "selector": {**SELECTOR, "jobName": ETL},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": HOUR}]},
        },
    )["answer"]
    assert (launched["__typename"], launched["run"]["status"]) == ("LaunchRunSuccess", "QUEUED")
    assert {"key": "dagster/partition", "value": HOUR} in launched["run"]["tags"]
    assert state() == "STOPPED"

    started = pages(START, "04:40", schedule=SCHEDULE)["answer"]
    assert started == {"scheduleState": {"status": "RUNNING"}}
    assert asked("05:25") == [[ETL, "2026-03-02-04:00"]]


@pytest.mark.criterion("AC-001.3", "AC-001.5", "AC-001.6")
def test_independent_steps_run_side_by_side_and_their_run_is_notified(
    site: Site, on_call: Received
) -> None:
    """Both extractions find their tables locked until both of them have begun."""
    site.source.insert("generations", generations(HOUR, 40))
    site.process.ask("tick")
    tables = ["raw/generations", "raw/providers", "staged/providers", "quarantine/providers"]
    extractions = {"raw__generations", "raw__providers"}
    waiting: set[str] = set()
    with connect(site.source.url) as lock:
        execute(lock, "LOCK TABLE generations, providers IN ACCESS EXCLUSIVE MODE")
        # Where steps run one after the other, the second never begins: fail rather than hang.
        give_up = threading.Timer(240, lock.rollback)
        give_up.start()

        def note(said: dict[str, Any]) -> None:
            if said["event"] == "STEP_START":
                waiting.add(said["step"])
                if waiting == extractions:
                    lock.rollback()

        try:
            ran = site.process.ask("materialize", note, assets=tables, partition=HOUR)
        finally:
            give_up.cancel()
    assert ran["success"]

    times = {(step, event): time for step, event, time in ran["steps"]}
    begin = {step: time for (step, event), time in times.items() if event == "STEP_START"}
    end = {step: time for (step, event), time in times.items() if event == "STEP_SUCCESS"}
    assert max(begin[one] for one in extractions) < min(end[one] for one in extractions)
    assert begin["stage_providers"] >= end["raw__providers"]
    found = site.rows("raw/generations", HOUR)
    assert found["event_id"].to_list() == [one["event_id"] for one in generations(HOUR, 40)]
    assert site.rows("staged/providers")["provider_id"].to_list() == ["anthropic", "openai"]

    assert site.process.ask("tick") == {"said": "2 new, 2 sent, 0 waiting"}
    slow, success = (json.loads(body) for *_, body in on_call.requests)
    assert slow["title"] == "Chimera: hour 2026-01-24 03:00 UTC is slow"
    assert "; the limit is 1 s." in slow["message"]
    assert (success["title"], success["type"]) == (
        "Chimera: hour 2026-01-24 03:00 UTC done",
        "success",
    )
    assert success["message"].startswith(f"{ETL} succeeded in ")
    assert ran["run_id"] in success["message"]
