"""A process that was killed leaves no run "started" for ever, and holds no place in a pool."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus

from chimera_assets.orchestration.instance.dead_runs import LaptopRunLauncher, end_dead_runs
from chimera_assets.settings import get_settings
from tests.site.site import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL = "raw/generations"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """A laptop's instance, by the repository's dagster.yaml."""
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(ROOT))
    get_settings.cache_clear()
    with dg.DagsterInstance.get() as made:
        yield made
    get_settings.cache_clear()


def started(instance: dg.DagsterInstance, pid: int) -> dg.DagsterRun:
    """A run that a process has begun to execute."""
    run = instance.create_run_for_job(dg.GraphDefinition("job").to_job())
    instance.report_engine_event("Executing steps", run, EngineEventData.in_process(pid))
    instance.handle_run_event(
        run.run_id, dg.DagsterEvent("PIPELINE_START", run.job_name, message="Started")
    )
    return run


def dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_runs_of_dead_processes_end_and_others_go_on(instance: dg.DagsterInstance) -> None:
    gone, alive = started(instance, dead()), started(instance, os.getpid())
    launcher = instance.run_launcher
    assert isinstance(launcher, LaptopRunLauncher)
    health = [launcher.check_run_worker_health(run).status for run in (gone, alive)]
    assert health == [WorkerStatus.FAILED, WorkerStatus.RUNNING]

    assert end_dead_runs(instance) == [gone.run_id]
    runs = [instance.get_run_by_id(run.run_id) for run in (gone, alive)]
    assert [run.status for run in runs if run] == [
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.STARTED,
    ]


def test_the_place_of_a_dead_process_is_free_and_that_of_another_is_not(
    instance: dg.DagsterInstance,
) -> None:
    events = instance.event_log_storage
    events.initialize_concurrency_limit_to_default(POOL)
    gone, alive, next_ = (started(instance, pid) for pid in (dead(), os.getpid(), os.getpid()))

    assert events.claim_concurrency_slot(POOL, gone.run_id, "raw").is_claimed
    assert events.claim_concurrency_slot(POOL, alive.run_id, "raw").is_claimed
    assert not events.claim_concurrency_slot(POOL, next_.run_id, "raw").is_claimed
    events.free_concurrency_slot_for_step(alive.run_id, "raw")
    assert events.claim_concurrency_slot(POOL, next_.run_id, "raw").is_claimed
