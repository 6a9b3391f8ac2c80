"""Which hours late runs failed for, stream by stream, and when each may be tried again.

A run is for several streams and hours and fails as a whole if one of them does. So what it did of
each stream is read from its steps, and of which hours from the last of them, the check
`conservation`. What is not known to have gone well has failed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

from chimera_assets.hours import parse_key, partition_key
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.orchestration.runs.failures import evaluation_of
from chimera_assets.orchestration.runs.statuses import ENDED
from chimera_assets.orchestration.runs.tags import CAUSE_TAG, LATE, hours_of_tags, late_streams
from chimera_assets.runs.job_names import HOURLY_JOB
from chimera_assets.runs.step_names import conserving_step, extracting_step, judging_step
from chimera_assets.warehouse.model_groups import active_groups

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
_REMEMBERED = timedelta(days=30)
_RUNS_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Failed:
    """The late runs of a stream's hour that failed in a row.

    Attributes:
        times: How many.
        again: When the hour is run again though nothing of it may be late any more.
        holds: Whether the latest failed in what is made of this stream alone, so that new late rows
            wait as long. If only what is made of several streams is missing, they do not.
    """

    times: int
    again: datetime
    holds: bool


def failures(instance: DagsterInstance, now: datetime) -> dict[str, dict[datetime, Failed]]:
    """Stream -> the hours whose latest late run failed, and that no other run has extracted since.

    They are due again even if nothing is late any more: raw may have been written, and what is made
    from it not.
    """
    late = instance.get_run_records(
        RunsFilter(
            job_name=HOURLY_JOB,
            tags={CAUSE_TAG: LATE},
            statuses=list(ENDED),
            created_after=now - _REMEMBERED,
        ),
        limit=_RUNS_LOOKED_AT,
    )
    found: dict[tuple[str, datetime], Failed] = {}
    settled: set[tuple[str, datetime]] = set()
    succeeded: set[datetime] = set()
    for record in late:  # newest first
        run = record.dagster_run
        hours = _hours_of(run) - succeeded
        if run.status == DagsterRunStatus.SUCCESS:
            succeeded |= hours
            continue
        ended = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
        for stream in late_streams(run.tags) or ():
            left = frozenset(hour for hour in hours if (stream, hour) not in settled)
            missing = _missing(instance, run, stream, left) if left else _NOTHING
            settled |= {(stream, hour) for hour in left - missing.hours}
            for hour in missing.hours:
                newest = found.get((stream, hour), Failed(0, ended, hour in missing.own))
                found[stream, hour] = replace(newest, times=newest.times + 1)
    return _not_healed(instance, found)


def _not_healed(
    instance: DagsterInstance, found: dict[tuple[str, datetime], Failed]
) -> dict[str, dict[datetime, Failed]]:
    """The failures, by stream, that no other run has mended since, each with its pause."""
    healed = _extracted_since(instance, min((one.again for one in found.values()), default=None))
    kept: dict[str, dict[datetime, Failed]] = {}
    for (stream, hour), one in found.items():
        if not any(hour in hours and at > one.again for hours, at in healed):
            kept.setdefault(stream, {})[hour] = replace(one, again=one.again + _pause(one.times))
    return kept


@dataclass(frozen=True, slots=True)
class _Missing:
    """The hours of a stream for which a run did not do all, or not even what is its own."""

    hours: Hours
    own: Hours


_NOTHING = _Missing(NO_HOURS, NO_HOURS)


def _missing(instance: DagsterInstance, run: DagsterRun, stream: str, hours: Hours) -> _Missing:
    """For which of these hours a failed run did not do what it was to do for a stream."""
    groups = [group for group in active_groups() if stream in group.staged]
    own = {extracting_step(stream), judging_step(stream), conserving_step(stream)}
    own |= {group.name for group in groups if group.reads == (stream,)}
    undone = own.union(group.name for group in groups) - _done(instance, run)
    if run.parent_run_id and run.step_keys_to_execute:  # begun where that one broke off
        undone.intersection_update(run.step_keys_to_execute)
    its = hours if undone & own else NO_HOURS
    if undone & own == {conserving_step(stream)}:
        its = hours - _conserved(instance, run, stream)
    return _Missing(hours if undone - own else its, its)


def _done(instance: DagsterInstance, run: DagsterRun) -> frozenset[str]:
    """The steps of a run that succeeded."""
    stats = instance.get_run_step_stats(run.run_id)
    return frozenset(
        one.step_key for one in stats if one.status is not None and one.status.value == "SUCCESS"
    )


def _conserved(instance: DagsterInstance, run: DagsterRun, stream: str) -> Hours:
    """The hours in which a stream's check `conservation` found nothing wrong."""
    passed: dict[datetime, bool] = {}
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        event, one = entry.dagster_event, evaluation_of(entry)
        if event is not None and event.step_key == conserving_step(stream) and one is not None:
            passed |= {parse_key(one.partition): one.passed} if one.partition else {}
    return frozenset(hour for hour, good in passed.items() if good)


def _extracted_since(
    instance: DagsterInstance, moment: datetime | None
) -> list[tuple[Hours, datetime]]:
    """What runs that no late row asked for have extracted since then, and when they began.

    Of a run of some assets alone nobody knows whether these were the ones.
    """
    if moment is None:
        return []
    records = instance.get_run_records(
        RunsFilter(job_name=HOURLY_JOB, statuses=[DagsterRunStatus.SUCCESS], created_after=moment),
        limit=_RUNS_LOOKED_AT,
    )
    return [
        (_hours_of(one.dagster_run), one.create_timestamp)
        for one in records
        if one.dagster_run.asset_selection is None
    ]


def _pause(failed: int) -> timedelta:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(failed - 1, 20)))


def _hours_of(run: DagsterRun) -> Hours:
    return frozenset(hours_of_tags(run.tags) or ())


def failed_message(stream: str, hour: datetime, failed: Failed) -> str:
    """A line about a stream's hour whose run failed."""
    times = "once" if failed.times == 1 else f"{failed.times} times in a row"
    until = f"{failed.again:%Y-%m-%d %H:%M}Z"
    return f"{stream}: {partition_key(hour)} failed {times}, next try after {until}"
