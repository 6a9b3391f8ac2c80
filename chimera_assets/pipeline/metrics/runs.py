"""Metrics of runs: how long, how well, which tasks failed; from Dagster's storage alone."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from chimera_assets.pipeline.hourly import hours_of_tags
from chimera_assets.pipeline.metrics.families import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dagster import RunRecord

#: Job -> its label. Dagster's own job runs what is materialized by hand.
DAGS = {
    "chimera_etl_hourly": "chimera_etl_hourly",
    "chimera_landing": "chimera_landing",
    "chimera_upkeep": "chimera_upkeep",
    "__ASSET_JOB": "assets",
}

_ENDED = {
    DagsterRunStatus.SUCCESS: "success",
    DagsterRunStatus.FAILURE: "failure",
    DagsterRunStatus.CANCELED: "canceled",
}
_TASKS = {
    DagsterEventType.STEP_SUCCESS: "chimera_task_success_count",
    DagsterEventType.STEP_FAILURE: "chimera_task_failure_count",
}


def run_samples(instance: DagsterInstance, now: datetime) -> Iterator[Sample]:
    """The samples of every job that has run."""
    for job, dag in DAGS.items():
        counts = {
            status: instance.get_runs_count(RunsFilter(job_name=job, statuses=[status]))
            for status in _ENDED
        }
        running = _oldest_running(instance, job)
        if not any(counts.values()) and running is None:
            continue
        for status, count in counts.items():
            yield Sample("chimera_dag_runs_total", (dag, _ENDED[status]), count)
        seconds = max(0.0, now.timestamp() - running) if running is not None else 0.0
        yield Sample("chimera_dag_running_seconds", (dag,), seconds)
        ended = instance.get_run_records(
            RunsFilter(job_name=job, statuses=list(_ENDED)), limit=1, order_by="update_timestamp"
        )
        if ended:
            yield from _ended(ended[0], dag)
            yield from _tasks(instance, ended[0].dagster_run.run_id, dag)


def _oldest_running(instance: DagsterInstance, job: str) -> float | None:
    """When the oldest run in progress started, in seconds since 1970."""
    filters = RunsFilter(job_name=job, statuses=[DagsterRunStatus.STARTED])
    records = instance.get_run_records(filters, limit=1, ascending=True)
    return records[0].start_time if records else None


def _ended(record: RunRecord, dag: str) -> Iterator[Sample]:
    succeeded = record.dagster_run.status == DagsterRunStatus.SUCCESS
    yield Sample("chimera_dag_success", (dag,), float(succeeded))
    hours = hours_of_tags(record.dagster_run.tags)
    if hours is not None:
        yield Sample("chimera_dag_hours", (dag,), len(hours))
    if record.end_time is not None:
        yield Sample("chimera_dag_end_timestamp_seconds", (dag,), record.end_time)
        if record.start_time is not None:
            took = record.end_time - record.start_time
            yield Sample("chimera_dag_duration_seconds", (dag,), took)


@lru_cache(maxsize=8)
def _task_counts(instance: DagsterInstance, run_id: str) -> Counter[tuple[str, str]]:
    """(metric, task) -> how often; of a run that has ended, so that it never changes."""
    entries = instance.all_logs(run_id, of_type=set(_TASKS))
    events = [entry.get_dagster_event() for entry in entries]
    return Counter(
        (_TASKS[event.event_type], (event.step_key or "").replace("__", "/")) for event in events
    )


def _tasks(instance: DagsterInstance, run_id: str, dag: str) -> Iterator[Sample]:
    counts = _task_counts(instance, run_id)
    for task in sorted({task for _, task in counts}):
        for name in _TASKS.values():
            yield Sample(name, (dag, task), counts[name, task])
