"""The runs that ended within some hours, by their jobs; from Dagster's storage alone."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from chimera_assets.orchestration.instance.home import open_instance
from chimera_assets.orchestration.runs.statuses import ENDED
from chimera_assets.runs.job_runs import JobRuns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster import RunRecord

    from chimera_assets.hours import HourRange

#: Runs that are in memory at once.
_AT_ONCE = 500
#: Dagster's tag of a run that its daemon started because another one had failed.
_RETRY_TAG = "dagster/retry_number"


def runs_here(hours: HourRange) -> tuple[JobRuns, ...]:
    """The runs that ended within some hours, as the instance of this process knows them.

    Raises:
        SettingError: DAGSTER_HOME is no folder.
    """
    with open_instance() as instance:
        return runs_within(instance, hours)


def runs_within(instance: DagsterInstance, hours: HourRange) -> tuple[JobRuns, ...]:
    """The runs that ended within some hours, a job each, by name.

    Args:
        instance: Dagster's.
        hours: The hours.
    """
    ended: defaultdict[str, list[_Ended]] = defaultdict(list)
    for record in _ended(instance, hours):
        run = record.dagster_run
        tried_again = int(_RETRY_TAG in run.tags) + len(
            instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_RESTARTED)
        )
        ended[run.job_name].append((run.status, tried_again, _seconds(record)))
    return tuple(_of_job(job, runs) for job, runs in sorted(ended.items()))


#: Of a run: how it ended, how many times something of it was tried again, its seconds.
_Ended = tuple[DagsterRunStatus, int, float | None]


def _ended(instance: DagsterInstance, hours: HourRange) -> Iterator[RunRecord]:
    """The records of runs that ended within the hours."""
    # What is kept of a run is updated when it ends, and perhaps later.
    wanted = RunsFilter(statuses=list(ENDED), updated_after=hours.start, created_before=hours.end)
    first, end = hours.start.timestamp(), hours.end.timestamp()
    cursor = None
    while records := instance.get_run_records(wanted, limit=_AT_ONCE, cursor=cursor):
        cursor = records[-1].dagster_run.run_id
        for record in records:
            if record.end_time is not None and first <= record.end_time < end:
                yield record


def _seconds(record: RunRecord) -> float | None:
    started, ended = record.start_time, record.end_time
    return round(ended - started, 1) if started is not None and ended is not None else None


def _of_job(job: str, runs: Sequence[_Ended]) -> JobRuns:
    statuses = [status for status, _, _ in runs]
    took = [
        seconds
        for status, _, seconds in runs
        if status is DagsterRunStatus.SUCCESS and seconds is not None
    ]
    return JobRuns(
        job,
        succeeded=statuses.count(DagsterRunStatus.SUCCESS),
        failed=statuses.count(DagsterRunStatus.FAILURE),
        canceled=statuses.count(DagsterRunStatus.CANCELED),
        retries=sum(tried_again for _, tried_again, _ in runs),
        median_seconds=round(statistics.median(took), 1) if took else None,
        longest_seconds=max(took, default=None),
    )
