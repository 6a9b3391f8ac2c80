"""What becomes of a run's steps and checks, kept from its events while it goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dagster import AssetCheckSeverity, DagsterEventType

from chimera_assets.errors import in_short, one_line
from chimera_assets.orchestration.lag_metadata import LAG_CHECK
from chimera_assets.orchestration.runs.causes import (
    CHECK_FAILED,
    cause_of,
    classes_of,
    was_interrupted,
)
from chimera_assets.runs.job_names import HOURLY_JOB
from chimera_assets.runs.step_names import shown_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dagster import AssetCheckEvaluation, DagsterEvent
    from dagster._utils.error import SerializableErrorInfo  # type: ignore[attr-defined]

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


_OUTCOMES: dict[DagsterEventType, Outcome] = {
    DagsterEventType.STEP_START: "started",
    DagsterEventType.STEP_RESTARTED: "started",
    DagsterEventType.STEP_SUCCESS: "succeeded",
    DagsterEventType.STEP_FAILURE: "failed",
    DagsterEventType.STEP_SKIPPED: "skipped",
    DagsterEventType.STEP_UP_FOR_RETRY: "retried",
}


class RunRecord:
    """Keeps of a run's events what its summary holds.

    Args:
        of: How many steps the run has.
        on_event: Called for every step that starts or ends.
    """

    def __init__(self, of: int, on_event: Callable[[StepEvent], None] | None) -> None:
        self._of = of
        self._emit = on_event or (lambda _: None)
        self._steps: dict[str, StepRun] = {}
        self._begun: dict[str, float] = {}
        self._run_failure = ""
        self._broken: dict[str, list[tuple[str, str | None]]] = {}
        self.checks: dict[str, CheckRun] = {}
        #: Whether a stream's lag was checked, which is not among the checks.
        self.lag_checked = False
        #: Whether a step was ended by Ctrl-C or SIGTERM.
        self.interrupted = False

    def note(self, event: DagsterEvent) -> None:
        """Keep what an event says."""
        outcome = _OUTCOMES.get(event.event_type)
        step = shown_step(event.step_key or "")
        if outcome is not None and step:
            self._note_step(event, step, outcome)
        elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            self._note_table(event, step)
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            self._note_check(event, step)
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
            step.cause = self._cause(name, event.step_failure_data.error)
            self.interrupted |= was_interrupted(event.step_failure_data.error)
        again = event.step_retry_data.error if outcome == "retried" else None
        self._emit(StepEvent(name, outcome, self._of, cause_of(again) if again is not None else ""))

    def _note_table(self, event: DagsterEvent, step: str) -> None:
        path = tuple(event.asset_key.path) if event.asset_key is not None else ()
        if step and len(path) == 2 and path not in self._step(step).tables:  # noqa: PLR2004
            self._step(step).tables.append((path[0], path[1]))

    def _cause(self, step: str, error: SerializableErrorInfo) -> str:
        """Why a step failed; of a check that failed Dagster says only which, the check says why."""
        said = self._broken.get(step) if CHECK_FAILED in classes_of(error) else None
        return in_short(_by_words(said), 3) if said else cause_of(error)

    def _note_check(self, event: DagsterEvent, step: str) -> None:
        evaluation = event.asset_check_evaluation_data
        if evaluation.check_name == LAG_CHECK:
            self.lag_checked = True
            return  # of the stream as it is now, whichever hours are run
        name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
        check = self.checks.setdefault(name, CheckRun())
        if evaluation.passed:
            check.passed += 1
        elif evaluation.severity == AssetCheckSeverity.WARN:
            check.warned += 1
        else:
            check.failed += 1
            self._broken.setdefault(step, []).append(_why(evaluation, name))


def _why(evaluation: AssetCheckEvaluation, name: str) -> tuple[str, str | None]:
    """What a check that failed says, in one line, and its hour if that is not in it."""
    said = one_line(evaluation.description or name)
    hour = evaluation.partition
    return said, None if hour is None or hour in said else hour


def _by_words(said: Iterable[tuple[str, str | None]]) -> list[str]:
    """What checks say, each once, after the hours that it is said of."""
    hours_of: dict[str, list[str]] = {}
    for words, hour in said:
        hours_of.setdefault(words, []).extend([hour] if hour is not None else [])
    return [
        f"{in_short(list(dict.fromkeys(hours)))}: {words}" if hours else words
        for words, hours in hours_of.items()
    ]
