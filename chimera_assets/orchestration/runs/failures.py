"""What failed in a run: steps, checks, gates that did not open, or the run itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dagster import AssetCheckSeverity, DagsterEventType

from chimera_assets.hours import parse_key
from chimera_assets.orchestration.instance.dead_runs import DEAD_TAG, DIED
from chimera_assets.orchestration.runs.causes import CHECK_FAILED, classes_of, safe_cause_of
from chimera_assets.runs.facts import Blocked, Failed
from chimera_assets.runs.gate_names import BLOCKED_METADATA, PASS_RATE
from chimera_assets.runs.step_names import shown_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster import AssetCheckEvaluation, DagsterInstance, DagsterRun, EventLogEntry

_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b ?")

_KINDS = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


def what_failed(
    instance: DagsterInstance, run: DagsterRun
) -> tuple[tuple[Failed, ...], tuple[Blocked, ...]]:
    """The failures of a run, those that only say that a gate did not open left out."""
    entries = instance.all_logs(run.run_id, of_type=_KINDS)
    blocked = tuple(_blocked(entries))
    failed = [*_failed_steps(entries), *_failed_checks(entries)]
    if not failed and not blocked:
        failed = [Failed("", _run_failure(run, entries))]
    return tuple(dict.fromkeys(failed)), blocked


def _blocked(entries: Sequence[EventLogEntry]) -> Iterator[Blocked]:
    for entry in entries:
        one = evaluation_of(entry)
        if one is None or one.passed or one.check_name != PASS_RATE:
            continue
        numbers = {name: getattr(value, "value", 0) for name, value in one.metadata.items()}
        yield Blocked(
            one.asset_key.path[-1],
            parse_key(one.partition) if one.partition else None,
            int(numbers.get("extracted") or 0),
            int(numbers.get("quarantined") or 0),
        )


def _failed_steps(entries: Sequence[EventLogEntry]) -> Iterator[Failed]:
    for entry in entries:
        event = entry.dagster_event
        if event is None or event.event_type != DagsterEventType.STEP_FAILURE:
            continue
        error = event.step_failure_data.error
        if error is not None and CHECK_FAILED not in classes_of(error):
            yield Failed(shown_step(event.step_key or ""), safe_cause_of(error))


def _failed_checks(entries: Sequence[EventLogEntry]) -> Iterator[Failed]:
    """Blocking checks that failed themselves, not because a gate did."""
    for entry in entries:
        one = evaluation_of(entry)
        if one is None or one.passed or not one.blocking or one.check_name == PASS_RATE:
            continue
        if one.severity == AssetCheckSeverity.ERROR and BLOCKED_METADATA not in one.metadata:
            asset = "/".join(one.asset_key.path)
            step = shown_step((entry.dagster_event and entry.dagster_event.step_key) or "")
            found = (one.description or "").partition("\n")[0]
            yield Failed(step, found, check=one.check_name, asset=asset)


def _run_failure(run: DagsterRun, entries: Sequence[EventLogEntry]) -> str:
    if DEAD_TAG in run.tags:
        return DIED
    for entry in entries:
        event = entry.dagster_event
        if event is not None and event.event_type == DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            words = safe_cause_of(error) if error is not None else event.message or ""
            return _UUID.sub("", " ".join(words.split()))
    return ""


def evaluation_of(entry: EventLogEntry) -> AssetCheckEvaluation | None:
    """The evaluation of an asset check that an entry holds; None if it holds something else."""
    event = entry.dagster_event
    if event is None or event.event_type != DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    return event.asset_check_evaluation_data
