"""Runs the hourly job over a range of hours, in this process, as one Dagster run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from dagster import (
    AssetCheckSeverity,
    AssetKey,
    DagsterEventType,
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
from chimera_assets.orchestration.runs.causes import cause_of
from chimera_assets.orchestration.runs.job_names import HOURLY_JOB
from chimera_assets.orchestration.runs.step_names import shown_step
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, REPLAY, partition_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dagster import DagsterEvent

    from chimera_assets.access.principal import Principal

#: Where Dagster finds everything, as in `workspace.yaml`; by name, as this floor is below it.
_DEFINITIONS = "chimera_assets.definitions"

_LABELS = {"chimera/started_by": "chimera"}

#: What runs in a terminal has its own way to show progress.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

Outcome = Literal["started", "succeeded", "failed", "skipped", "retried"]


@dataclass(frozen=True, slots=True)
class StepEvent:
    """Something that happened to a step while the run goes on.

    Attributes:
        step: The step's name, in which `/` parts layer and table.
        outcome: What happened.
        of: How many steps the run has.
        cause: Why, if it is tried again.
    """

    step: str
    outcome: Outcome
    of: int
    cause: str = ""


@dataclass(slots=True)
class StepRun:
    """One step of a run: its seconds, the tables it wrote, why it failed if it did."""

    step: str
    outcome: Outcome = "started"
    seconds: float = 0.0
    tables: list[tuple[str, str]] = field(default_factory=list)
    cause: str = ""


@dataclass(slots=True)
class CheckRun:
    """What an asset check's evaluations in a run said: one an hour, or one for all of them."""

    passed: int = 0
    warned: int = 0
    failed: int = 0


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
        record = _Record(len(definition.graph.node_dict), on_event)
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


_OUTCOMES: dict[DagsterEventType, Outcome] = {
    DagsterEventType.STEP_START: "started",
    DagsterEventType.STEP_RESTARTED: "started",
    DagsterEventType.STEP_SUCCESS: "succeeded",
    DagsterEventType.STEP_FAILURE: "failed",
    DagsterEventType.STEP_SKIPPED: "skipped",
    DagsterEventType.STEP_UP_FOR_RETRY: "retried",
}


class _Record:
    """Keeps of a run's events what its summary holds."""

    def __init__(self, of: int, on_event: Callable[[StepEvent], None] | None) -> None:
        self._of = of
        self._emit = on_event or (lambda _: None)
        self._steps: dict[str, StepRun] = {}
        self._begun: dict[str, float] = {}
        self._run_failure = ""
        self.checks: dict[str, CheckRun] = {}

    def note(self, event: DagsterEvent) -> None:
        outcome = _OUTCOMES.get(event.event_type)
        step = shown_step(event.step_key or "")
        if outcome is not None and step:
            self._note_step(event, step, outcome)
        elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            self._note_table(event, step)
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            self._note_check(event)
        elif event.event_type == DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            self._run_failure = cause_of(error) if error is not None else ""

    def steps(self) -> Iterator[StepRun]:
        """The steps; a run that failed outside any step has one of the run's own name."""
        yield from self._steps.values()
        if self._run_failure and all(s.outcome != "failed" for s in self._steps.values()):
            yield StepRun(HOURLY_JOB, "failed", cause=self._run_failure)

    def _step(self, name: str) -> StepRun:
        return self._steps.setdefault(name, StepRun(name))

    def _note_step(self, event: DagsterEvent, name: str, outcome: Outcome) -> None:
        step = self._step(name)
        step.outcome = outcome
        if outcome == "started":
            self._begun[name] = time.perf_counter()
        else:
            step.seconds = time.perf_counter() - self._begun.get(name, time.perf_counter())
        if outcome == "failed" and event.step_failure_data.error is not None:
            step.cause = cause_of(event.step_failure_data.error)
        again = event.step_retry_data.error if outcome == "retried" else None
        self._emit(StepEvent(name, outcome, self._of, cause_of(again) if again is not None else ""))

    def _note_table(self, event: DagsterEvent, step: str) -> None:
        path = tuple(event.asset_key.path) if event.asset_key is not None else ()
        if step and len(path) == 2 and path not in self._step(step).tables:  # noqa: PLR2004
            self._step(step).tables.append((path[0], path[1]))

    def _note_check(self, event: DagsterEvent) -> None:
        evaluation = event.asset_check_evaluation_data
        name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
        check = self.checks.setdefault(name, CheckRun())
        if evaluation.passed:
            check.passed += 1
        elif evaluation.severity == AssetCheckSeverity.WARN:
            check.warned += 1
        else:
            check.failed += 1
