"""Runs the hourly job over a range of hours, in this process, as one Dagster run."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dagster import (
    AssetKey,
    JobDefinition,
    reconstructable,
)
from dagster._core.errors import DagsterExecutionInterruptedError

# The public `execute_job` reports nothing before the end; this is what it calls.
from dagster._core.execution.api import execute_run_iterator

from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.interrupts import noted
from chimera_assets.layers import RAW
from chimera_assets.orchestration.instance.dead_runs import end_dead_runs
from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.orchestration.runs.on_pages import NO_RETRY, origin_on_pages
from chimera_assets.orchestration.runs.run_record import CheckRun, RunRecord, StepEvent, StepRun
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, REPLAY, partition_tags
from chimera_assets.runs.job_names import HOURLY_JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dagster import DagsterInstance, DagsterRun
    from dagster._core.definitions.reconstruct import ReconstructableJob

    from chimera_assets.access.principal import Principal
    from chimera_assets.interrupts import Noted

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
        interrupted: Whether Ctrl-C or SIGTERM ended it; Dagster has it as cancelled.
    """

    run_id: str
    hours: HourRange
    success: bool
    seconds: float
    steps: tuple[StepRun, ...]
    checks: dict[str, CheckRun]
    interrupted: bool = False

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
        tags = {
            **partition_tags(hours),
            **_LABELS,
            **NO_RETRY,
            **(actor.tags() if actor is not None else {}),
            **({CAUSE_TAG: REPLAY} if replay else {}),
        }
        record = RunRecord(len(job.get_definition().graph.node_dict), on_event)
        with noted() as signals:
            run = _create(instance, job, tags, chosen)
            _execute(job, run, instance, record, signals)
            interrupted = signals.any()
        ended = instance.get_run_by_id(run.run_id)
    success = ended is not None and ended.is_success
    return RunSummary(
        run_id=run.run_id,
        hours=hours,
        success=success,
        seconds=time.perf_counter() - started,
        steps=tuple(record.steps()),
        checks=record.checks,
        interrupted=interrupted and not success,
    )


def _create(
    instance: DagsterInstance,
    job: ReconstructableJob,
    tags: Mapping[str, str],
    chosen: frozenset[AssetKey] | None,
) -> DagsterRun:
    definition = job.get_definition()
    return instance.create_run_for_job(
        job_def=definition,
        run_config={**(definition.run_config or {}), **_QUIET},
        tags={**definition.run_tags, **tags},
        asset_selection=chosen,
        job_code_origin=job.get_python_origin(),
        remote_job_origin=origin_on_pages(definition.name),
    )


def _execute(
    job: ReconstructableJob,
    run: DagsterRun,
    instance: DagsterInstance,
    record: RunRecord,
    signals: Noted,
) -> None:
    """Execute a run; an interrupt cancels it, as Dagster's pages would."""
    cancelling = False
    for event in execute_run_iterator(job, run, instance):
        # In a step's event Dagster's handler may raise right here, which the signal survives.
        with suppress(DagsterExecutionInterruptedError):
            record.note(event)
            if signals.any() and not cancelling:
                cancelling = True
                instance.report_run_canceling(run)
            if cancelling and not record.interrupted:
                # Dagster raises it in a step, where an import or a library may swallow it.
                signal.raise_signal(signal.SIGINT)


def _after_raw(job: JobDefinition) -> frozenset[AssetKey]:
    """The job's assets without the raw streams; reference tables are extracted as of today."""
    raw = {AssetKey([RAW, c.stream]) for c in contracts().values() if c.kind == "stream"}
    return frozenset(job.asset_layer.executable_asset_keys) - raw
