"""Metrics of runs: how long, how well, which tasks failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.monitoring.metrics.families import Sample
from chimera_assets.orchestration.runs.statistics import job_statistics
from chimera_assets.runs import job_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.orchestration.instance.home import Instance
    from chimera_assets.orchestration.runs.statistics import EndedRun

#: Job -> its label.
DAGS = {
    job_names.HOURLY_JOB: job_names.HOURLY_JOB,
    job_names.LANDING: job_names.LANDING,
    job_names.UPKEEP: job_names.UPKEEP,
    **{job: job for job in sorted(job_names.REPORT_JOBS)},
    job_names.BY_HAND: "assets",
}


def run_samples(instance: Instance, now: datetime) -> Iterator[Sample]:
    """The samples of every job that has run."""
    for job, dag in DAGS.items():
        runs = job_statistics(instance, job)
        if not any(runs.ended.values()) and runs.running_since is None:
            continue
        for status, count in runs.ended.items():
            yield Sample("chimera_dag_runs_total", (dag, status), count)
        since = runs.running_since
        seconds = max(0.0, now.timestamp() - since) if since is not None else 0.0
        yield Sample("chimera_dag_running_seconds", (dag,), seconds)
        if runs.last is not None:
            yield from _of_last(runs.last, dag)


def _of_last(run: EndedRun, dag: str) -> Iterator[Sample]:
    yield Sample("chimera_dag_success", (dag,), float(run.success))
    if run.hours is not None:
        yield Sample("chimera_dag_hours", (dag,), len(run.hours))
    if run.ended is not None:
        yield Sample("chimera_dag_end_timestamp_seconds", (dag,), run.ended)
        if run.started is not None:
            yield Sample("chimera_dag_duration_seconds", (dag,), run.ended - run.started)
    for task in sorted(set(run.succeeded) | set(run.failed)):
        yield Sample("chimera_task_success_count", (dag, task), run.succeeded.get(task, 0))
        yield Sample("chimera_task_failure_count", (dag, task), run.failed.get(task, 0))
