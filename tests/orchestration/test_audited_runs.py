"""Whoever starts a run, and however: it is on the record before its first step."""

from __future__ import annotations

import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from chimera_assets.access.principal import Kind, Principal, os_user
from chimera_assets.audit import AuditLog, Entry, Wanted, newest
from chimera_assets.audit.commits import record_commits
from chimera_assets.hours import HourRange
from chimera_assets.orchestration.runs.audited_run import _action, _assets, _resource
from chimera_assets.orchestration.runs.tags import late_tags, partition_tags
from chimera_assets.postgres.platform.database import PlatformDatabase
from chimera_assets.settings import Settings
from tests import warm
from tests.site.site import ROOT, Site, environment, generations, keys

if TYPE_CHECKING:
    from pathlib import Path

GOOD, BLOCKED, REFUSED, AGAIN, BY_HAND = keys("2026-01-05-04:00", 5)
HOURS = partition_tags(HourRange.from_keys(GOOD, GOOD))
SCHEDULE = Principal.of_system("schedule chimera_etl_hourly").tags()


def entries(home: Path, key: str) -> list[Entry]:
    """The entries of one hour, newest first."""
    settings = Settings(home=home, database_url=None, source_database_url=None)
    with closing(PlatformDatabase(settings)) as database:
        return newest(database, Wanted(resource=str(HourRange.from_keys(key, key))), 10)


def test_a_run_is_written_down_and_its_failure_too(site: Site) -> None:
    site.source.insert("generations", generations(GOOD, 60))
    wrong = [row | {"provider": "nobody"} for row in generations(BLOCKED, 60)]
    site.source.insert("generations", wrong)

    good, blocked = site.run(GOOD), site.run(BLOCKED)

    assert (good.success, blocked.success) == (True, False)
    (entry,) = entries(site.home, GOOD)
    assert (entry.action, entry.run_id) == ("hours.backfill", good.run_id)
    assert entry.actor.kind is Kind.DAGSTER
    assert entry.after == {"job": "chimera_etl_hourly", "assets": "all"}
    failed, begun = entries(site.home, BLOCKED)
    assert (failed.failure_of, failed.after) == (begun.sequence, {"failed": "StepFailure"})


def test_no_hour_is_taken_that_cannot_be_written_down(site: Site) -> None:
    site.source.insert("generations", generations(REFUSED, 60))
    beside = site.beside(CHIMERA_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    ran = beside.run(REFUSED)

    assert not ran.success
    assert ran.materialized == []
    (cause,) = ran.failed.values()
    assert "not done, as the audit log could not be written" in cause
    assert "CHIMERA_DATABASE_URL" in cause
    assert site.count("raw/generations", REFUSED) == 0
    beside.close()


def test_a_dbt_started_by_hand_is_written_down_once(site: Site, tmp_path: Path) -> None:
    hours = HourRange.from_keys(BY_HAND, BY_HAND)
    given = environment(
        site.home,
        CHIMERA_DBT_START_HOUR=hours.start.isoformat(),
        CHIMERA_DBT_END_HOUR=hours.end.isoformat(),
        DBT_TARGET_PATH=str(tmp_path),
        DBT_LOG_PATH=str(tmp_path),
    )
    command = warm.dbt("run", "--select", "fact_generations", "fact_provider_health")
    subprocess.run(command, cwd=ROOT / "dbt_project", env=given, check=True, capture_output=True)

    (entry,) = entries(site.home, BY_HAND)
    assert (entry.action, entry.actor.kind) == ("models.build", Kind.OS_USER)
    assert entry.actor.origin.startswith("dbt on ")
    assert entry.after == {"models": ["fact_generations", "fact_provider_health"]}


def test_no_table_of_a_run_or_a_dbt_by_hand_is_made_by_nobody(site: Site) -> None:
    """Of the stories above: hours that were published and blocked, reference tables, models."""
    settings = Settings(home=site.home, database_url=None, source_database_url=None)
    with closing(PlatformDatabase(settings)) as database:
        record_commits(AuditLog(database), site.lake)
        made = newest(database, Wanted(action="table.commit"), 1_000)
        unknown = newest(database, Wanted(action="table.commit", actor="unknown"), 1_000)
    tables = {one.resource for one in made if (one.after or {}).get("write") == "create"}
    assert {"raw/providers", "raw/generations", "marts/fact_generations"} <= tables
    assert unknown == []


RUN_AGAIN = """mutation($run: ExecutionParams!) {
  answer: launchRunReexecution(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { id } } } }"""
JOB = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "chimera_assets",
    "jobName": "chimera_etl_hourly",
}


def run_again(site: Site, run_id: str, tags: dict[str, str]) -> str:
    """Press the pages' button, which sends the tags of the first run; gives the new run's id."""
    sent = [{"key": key, "value": value} for key, value in tags.items()]
    known = {"parentRunId": run_id, "rootRunId": run_id, "tags": sent}
    asked = {"selector": JOB, "mode": "default", "executionMetadata": known, "runConfigData": {}}
    answer = site.process.ask(
        "pages", query=RUN_AGAIN, variables={"run": asked}, at="2026-03-02T04:30Z"
    )["answer"]
    assert answer["__typename"] == "LaunchRunSuccess"
    started: str = answer["run"]["id"]
    return started


def test_whoever_runs_hours_again_from_the_pages_is_not_who_ran_them_first(site: Site) -> None:
    site.source.insert("generations", generations(AGAIN, 60))
    first = site.process.ask("run", first=AGAIN, last=AGAIN, by="counsel")
    (entry,) = entries(site.home, AGAIN)
    assert (entry.actor.name, entry.actor.stated_by) == ("counsel", os_user())

    hour = partition_tags(HourRange.from_keys(AGAIN, AGAIN))
    started = run_again(site, first["run_id"], hour | Principal.of_command("counsel").tags())
    taken = site.process.ask("take", run_id=started)

    assert taken["status"] == "SUCCESS"
    assert taken["tags"]["chimera/actor"] == f"dagster:{os_user()}"
    assert taken["tags"]["chimera/actor_stated_by"] == ""
    again, _ = entries(site.home, AGAIN)
    assert again.run_id == started
    assert again.actor.kind is Kind.DAGSTER
    assert again.actor.stated_by is None
    assert f"run {first['run_id']} again" in again.actor.origin


@pytest.mark.parametrize(
    ("tags", "action"),
    [
        (HOURS, "hours.backfill"),
        (HOURS | {"dagster/backfill": "x"}, "hours.backfill"),
        (HOURS | SCHEDULE, "hours.run"),
        (HOURS | late_tags(("generations",), 3) | SCHEDULE, "hours.late"),
        (HOURS | {"chimera/cause": "replay"}, "quarantine.replay"),
        ({}, "run.start"),
    ],
)
def test_a_run_is_called_what_it_is(tags: dict[str, str], action: str) -> None:
    run = dg.DagsterRun(
        job_name="a_job",
        tags=tags,
        asset_selection=frozenset(dg.AssetKey(["raw", f"s{n:02}"]) for n in range(22)),
    )
    assert _action(run, Principal.of_run(run.tags)) == action
    assert _resource(run) == (f"hours {GOOD}" if tags else "job a_job")
    assert _assets(run)[0] == "raw/s00"
    assert _assets(run)[-1] == "and 2 more"


def test_a_report_that_is_built_by_hand_is_one_too() -> None:
    run = dg.DagsterRun(
        job_name="compliance_report_weekly", tags={"dagster/partition": "2026-01-26"}
    )
    assert _action(run, Principal.of_run(run.tags)) == "report.run"
    assert _resource(run) == "job compliance_report_weekly of 2026-01-26"
