"""Runs the hourly job over a range of hours, in this process, as one Dagster run."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    JobDefinition,
    reconstructable,
)
from dagster._core.errors import DagsterExecutionInterruptedError

# The public `execute_job` reports nothing before the end; this is what it calls.
from dagster._core.execution.api import create_execution_plan, execute_run_iterator
from dagster._core.snap import snapshot_from_execution_plan

from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange
from chimera_assets.interrupts import noted
from chimera_assets.layers import RAW, STAGED
from chimera_assets.orchestration.instance.dead_runs import end_dead_runs
from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.orchestration.runs.on_pages import NO_RETRY, origin_on_pages
from chimera_assets.orchestration.runs.run_record import CheckRun, RunRecord, StepEvent, StepRun
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, REPLAY, partition_tags
from chimera_assets.runs.job_names import HOURLY_JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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
        checks: Asset check -> what its evaluations said of these hours.
        lag_checked: Whether the lag of streams was checked, too; that is not among the checks.
        interrupted: Whether Ctrl-C or SIGTERM ended it; Dagster has it as cancelled.
    """

    run_id: str
    hours: HourRange
    success: bool
    seconds: float
    steps: tuple[StepRun, ...]
    checks: dict[str, CheckRun]
    lag_checked: bool = False
    interrupted: bool = False

    @property
    def failed(self) -> tuple[StepRun, ...]:
        """The steps that failed, each with its cause in one line."""
        return tuple(step for step in self.steps if step.outcome == "failed")


def hourly_job() -> JobDefinition:
    """The hourly job, from the definitions that Dagster loads."""
    job: JobDefinition = import_module(_DEFINITIONS).defs.resolve_job_def(HOURLY_JOB)
    return job


def run_hours(  # noqa: PLR0913 - what a run may be for
    hours: HourRange,
    *,
    actor: Principal | None = None,
    replay: bool = False,
    streams: Collection[str] | None = None,
    made_of: str | None = None,
    on_event: Callable[[StepEvent], None] | None = None,
) -> RunSummary:
    """Run the hourly job for these hours in one Dagster run; it is seen in the UI like any other.

    Args:
        hours: The hours.
        actor: Who asks for it; None is as if it were started by Dagster's own commands.
        replay: Judge again the raw rows that there are, instead of extracting them anew.
        streams: Run these streams alone, with the reference tables and all that is made of them.
        made_of: Build only what is made of the staged rows of this stream.
        on_event: Called for every step that starts or ends.

    Raises:
        SettingError: DAGSTER_HOME is no folder.
    """
    started = time.perf_counter()
    with open_instance() as instance:
        end_dead_runs(instance)
        job = reconstructable(hourly_job)
        chosen = _chosen(job.get_definition(), replay=replay, streams=streams)
        if made_of is not None:
            chosen = _built_of(made_of, job.get_definition())
        if chosen is not None:
            checks = _checks_of(job.get_definition(), chosen)
            job = job.get_subset(asset_selection=chosen, asset_check_selection=checks)
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
        lag_checked=record.lag_checked,
        interrupted=interrupted and not success,
    )


def _create(
    instance: DagsterInstance,
    job: ReconstructableJob,
    tags: Mapping[str, str],
    chosen: frozenset[AssetKey] | None,
) -> DagsterRun:
    """As `create_run_for_job`, which would choose checks that the job leaves out."""
    definition = job.get_definition()
    config = {**(definition.run_config or {}), **_QUIET}
    plan = create_execution_plan(definition, run_config=config, tags=tags)
    return instance.create_run(
        job_name=definition.name,
        run_id=None,
        run_config=config,
        status=None,
        tags={**definition.run_tags, **tags},
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=plan.step_keys_to_execute,
        execution_plan_snapshot=snapshot_from_execution_plan(
            plan, definition.get_job_snapshot_id()
        ),
        job_snapshot=definition.get_job_snapshot(),
        parent_job_snapshot=definition.get_parent_job_snapshot(),
        asset_selection=chosen,
        asset_check_selection=job.asset_check_selection,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=origin_on_pages(definition.name),
        job_code_origin=job.get_python_origin(),
        asset_graph=definition.asset_layer.asset_graph,
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


def _chosen(
    job: JobDefinition, *, replay: bool, streams: Collection[str] | None
) -> frozenset[AssetKey] | None:
    """The job's assets that are to run; reference tables are extracted as of today in any case."""
    if not replay and streams is None:
        return None
    chosen = frozenset(job.asset_layer.executable_asset_keys)
    hourly = {
        c.stream: AssetKey([RAW, c.stream]) for c in contracts().values() if c.kind == "stream"
    }
    if streams is not None:
        wanted = {key for stream, key in hourly.items() if stream in streams}
        others = set(hourly.values()) - wanted
        chosen -= _made_of(others, job) - _made_of(wanted, job)
    return chosen - set(hourly.values()) if replay else chosen


def _built_of(stream: str, job: JobDefinition) -> frozenset[AssetKey]:
    """What models make of a stream's staged rows."""
    staged = AssetKey([STAGED, stream])
    return (_made_of({staged}, job) - {staged}) & frozenset(job.asset_layer.executable_asset_keys)


def _checks_of(job: JobDefinition, chosen: Collection[AssetKey]) -> frozenset[AssetCheckKey]:
    """The job's own checks of the assets; by itself Dagster takes all that there are of them."""
    return frozenset(
        key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key in chosen
    )


def _made_of(keys: Collection[AssetKey], job: JobDefinition) -> frozenset[AssetKey]:
    """The assets, and all that is made of them."""
    selection = AssetSelection.assets(*keys).downstream() if keys else AssetSelection.assets()
    return frozenset(selection.resolve(job.asset_layer.asset_graph))
