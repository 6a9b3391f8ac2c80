"""Runs the hourly job over a range of hours, in this process, as one Dagster run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dagster import (
    AssetKey,
    JobDefinition,
    reconstructable,
)

# The public `execute_job` reports nothing before the end; this is what it calls.
from dagster._core.execution.api import execute_run_iterator

from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.layers import RAW
from chimera_assets.orchestration.instance.dead_runs import end_dead_runs
from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.orchestration.runs.run_record import CheckRun, RunRecord, StepEvent, StepRun
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, REPLAY, partition_tags
from chimera_assets.runs.job_names import HOURLY_JOB

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.access.principal import Principal

#: Where Dagster finds everything, as in `workspace.yaml`; by name, as this floor is below it.
_DEFINITIONS = "chimera_assets.definitions"

_LABELS = {"chimera/started_by": "chimera"}

#: What runs in a terminal has its own way to show progress.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The outcome of a run.

    Attributes:
        run_id: Dagster's id of it.
        hours: The hours it was for.
        success: Whether every step succeeded.
        seconds: From start to end.
        steps: Every step, in the order they ended.
        checks: Asset check -> what its evaluations said.
    """

    run_id: str
    hours: HourRange
    success: bool
    seconds: float
    steps: tuple[StepRun, ...]
    checks: dict[str, CheckRun]

    @property
    def failed(self) -> tuple[StepRun, ...]:
        """The steps that failed, each with its cause in one line."""
        return tuple(step for step in self.steps if step.outcome == "failed")


def hourly_job() -> JobDefinition:
    """The hourly job, from the definitions that Dagster loads."""
    job: JobDefinition = import_module(_DEFINITIONS).defs.resolve_job_def(HOURLY_JOB)
    return job


def run_hours(
    hours: HourRange,
    *,
    actor: Principal | None = None,
    replay: bool = False,
    on_event: Callable[[StepEvent], None] | None = None,
) -> RunSummary:
    """Run the hourly job for these hours in one Dagster run; it is seen in the UI like any other.

    Args:
        hours: The hours.
        actor: Who asks for it; None is as if it were started by Dagster's own commands.
        replay: Judge again the raw rows that there are, instead of extracting them anew.
        on_event: Called for every step that starts or ends.

    Raises:
        SettingError: There is no folder with `dagster.yaml`.
    """
    started = time.perf_counter()
    with open_instance() as instance:
        end_dead_runs(instance)
        job = reconstructable(hourly_job)
        chosen = _after_raw(job.get_definition()) if replay else None
        if chosen is not None:
            job = job.get_subset(asset_selection=chosen)
        definition = job.get_definition()
        run = instance.create_run_for_job(
            job_def=definition,
            run_config={**(definition.run_config or {}), **_QUIET},
            tags={
                **definition.run_tags,
                **partition_tags(hours),
                **_LABELS,
                **(actor.tags() if actor is not None else {}),
                **({CAUSE_TAG: REPLAY} if replay else {}),
            },
            asset_selection=chosen,
            job_code_origin=job.get_python_origin(),
        )
        record = RunRecord(len(definition.graph.node_dict), on_event)
        for event in execute_run_iterator(job, run, instance):
            record.note(event)
        ended = instance.get_run_by_id(run.run_id)
    return RunSummary(
        run_id=run.run_id,
        hours=hours,
        success=ended is not None and ended.is_success,
        seconds=time.perf_counter() - started,
        steps=tuple(record.steps()),
        checks=record.checks,
    )


def _after_raw(job: JobDefinition) -> frozenset[AssetKey]:
    """The job's assets without the raw streams; reference tables are extracted as of today."""
    raw = {AssetKey([RAW, c.stream]) for c in contracts().values() if c.kind == "stream"}
    return frozenset(job.asset_layer.executable_asset_keys) - raw
