"""The audit log's entry of a run, written before its first step, however it was started.

Only so is a backfill from Dagster's own pages on the record like one of `chimera backfill`.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chimera_assets.access.principal import ACTOR_TAG, STATED_BY_TAG, Kind, Principal
from chimera_assets.audit.log import OFF_THE_RECORD, Change
from chimera_assets.audited_context import AuditedContext, new_context
from chimera_assets.orchestration.runs.tags import (
    CAUSE_TAG,
    LATE,
    PARTITION_TAG,
    REPLAY,
    hours_of_tags,
)
from chimera_assets.orchestration.runs.wrapped_executor import around_runs
from chimera_assets.postgres.databases import has_platform_database
from chimera_assets.runs.job_names import (
    FRESHNESS,
    LAKE_BUCKET,
    REPORT_JOBS,
    UNIT_TESTS,
    UPKEEP,
)
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import DagsterInstance, DagsterRun, ExecutorDefinition
    from dagster._core.execution.context.system import PlanOrchestrationContext

#: The tag of a run that has no entry in the audit log, as there is none.
_AUDIT_TAG = "chimera/audit"

#: Jobs that change no table, and the one that has an entry for each table that it changes.
_WITHOUT = frozenset({FRESHNESS, LAKE_BUCKET, UNIT_TESTS, UPKEEP})

_NAMED_ASSETS = 20


def audited_run(definition: ExecutorDefinition) -> ExecutorDefinition:
    """The executor, with an entry in the audit log for each run that changes tables."""
    return around_runs(definition, _entry)


def context_of_run(run: DagsterRun, *, now: datetime) -> AuditedContext:
    """The context of a Dagster run, with changes of contracts and settings on the record.

    Raises:
        AuditError: The audit log cannot be written.
    """
    return new_context(_actor(run), now=now, run_id=run.run_id)


@contextmanager
def _entry(started: PlanOrchestrationContext) -> Iterator[Change]:
    run = started.dagster_run
    _name_actor(started.instance, run)
    if run.job_name in _WITHOUT:
        yield Change()
        if run.job_name == UPKEEP:
            _catch_up(context_of_run(run, now=datetime.now(UTC)), started)
        return
    # A server of our own is not started beside somebody's database; see `has_platform_database`.
    if not has_platform_database(get_settings()):
        started.instance.add_run_tags(run.run_id, {_AUDIT_TAG: "not on the record"})
        started.log.warning(OFF_THE_RECORD)
        yield Change()
        return
    context = context_of_run(run, now=datetime.now(UTC))
    action, details = _action(run, context.actor), {"job": run.job_name, "assets": _assets(run)}
    with context.change(action, _resource(run), after=details) as change:
        yield change
    _catch_up(context, started)


def _catch_up(context: AuditedContext, started: PlanOrchestrationContext) -> None:
    """Write the entries of the run's commits, and put the log beside the lake."""
    for failure in context.catch_up().failures:
        started.log.warning("The audit log is not up to date: %s", failure)


def _actor(run: DagsterRun) -> Principal:
    return Principal.of_run(run.tags, repeats=run.parent_run_id)


def _name_actor(instance: DagsterInstance, run: DagsterRun) -> None:
    """Let the tags of a run that repeats another one name who started it, not who the other."""
    if ACTOR_TAG not in run.tags:
        return
    said = {STATED_BY_TAG: ""} if STATED_BY_TAG in run.tags else {}
    said |= _actor(run).tags()
    if not said.items() <= run.tags.items():
        instance.add_run_tags(run.run_id, said)


def _action(run: DagsterRun, actor: Principal) -> str:
    cause = run.tags.get(CAUSE_TAG)
    if cause == REPLAY:
        return "quarantine.replay"
    if run.job_name in REPORT_JOBS:
        return "report.run"
    if hours_of_tags(run.tags) is None:
        return "run.start"
    if cause == LATE:
        return "hours.late"
    return "hours.run" if actor.kind is Kind.SYSTEM else "hours.backfill"


def _resource(run: DagsterRun) -> str:
    hours = hours_of_tags(run.tags)
    if hours is not None:
        return f"hours {hours}"
    first = run.tags.get(PARTITION_TAG)
    return f"job {run.job_name}" + (f" of {first}" if first is not None else "")


def _assets(run: DagsterRun) -> list[str] | str:
    """The assets that were chosen; all of the job's, where none were."""
    if run.asset_selection is None:
        return "all"
    names = sorted(key.to_user_string() for key in run.asset_selection)
    more = [f"and {len(names) - _NAMED_ASSETS} more"] if len(names) > _NAMED_ASSETS else []
    return names[:_NAMED_ASSETS] + more
