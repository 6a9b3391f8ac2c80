"""How the runs of a job go: how many, how long, how well; from Dagster's storage alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from chimera_assets.orchestration.runs.statuses import ENDED
from chimera_assets.orchestration.runs.tags import hours_of_tags
from chimera_assets.runs.step_names import shown_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster import RunRecord

    from chimera_assets.hours import HourRange


@dataclass(frozen=True, slots=True)
class EndedRun:
    """The run of a job that ended last.

    Attributes:
        success: Whether it ended well.
        hours: What it was for, if for hours.
        started: When it started, in seconds since 1970; None if it never did.
        ended: When it ended.
        succeeded: Step -> how often it succeeded.
        failed: Step -> how often it failed.
    """

    success: bool
    hours: HourRange | None
    started: float | None
    ended: float | None
    succeeded: Mapping[str, int]
    failed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class JobStatistics:
    """The runs of a job.

    Attributes:
        ended: How many ended: `success`, `failure`, `canceled` -> count.
        running_since: When the oldest run in progress started, in seconds since 1970.
        last: The run that ended last.
    """

    ended: Mapping[str, int]
    running_since: float | None
    last: EndedRun | None


def job_statistics(instance: DagsterInstance, job: str) -> JobStatistics:
    """The statistics of a job's runs as they are now."""
    counts = {
        status.value.lower(): instance.get_runs_count(RunsFilter(job_name=job, statuses=[status]))
        for status in ENDED
    }
    last = instance.get_run_records(
        RunsFilter(job_name=job, statuses=list(ENDED)), limit=1, order_by="update_timestamp"
    )
    return JobStatistics(
        counts, _oldest_running(instance, job), _ended_run(instance, last[0]) if last else None
    )


def _oldest_running(instance: DagsterInstance, job: str) -> float | None:
    filters = RunsFilter(job_name=job, statuses=[DagsterRunStatus.STARTED])
    records = instance.get_run_records(filters, limit=1, ascending=True)
    return records[0].start_time if records else None


def _ended_run(instance: DagsterInstance, record: RunRecord) -> EndedRun:
    run = record.dagster_run
    succeeded, failed = _step_counts(instance, run.run_id)
    return EndedRun(
        success=run.status == DagsterRunStatus.SUCCESS,
        hours=hours_of_tags(run.tags),
        started=record.start_time,
        ended=record.end_time,
        succeeded=succeeded,
        failed=failed,
    )


@lru_cache(maxsize=8)
def _step_counts(
    instance: DagsterInstance, run_id: str
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How often each step succeeded and failed; of a run that has ended, so it never changes."""
    kinds = (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE)
    entries = instance.all_logs(run_id, of_type=set(kinds))
    events = [entry.get_dagster_event() for entry in entries]
    succeeded, failed = (
        Counter(shown_step(one.step_key or "") for one in events if one.event_type == kind)
        for kind in kinds
    )
    return succeeded, failed
