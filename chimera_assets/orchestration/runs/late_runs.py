"""Which runs extract late hours again.

No two of one hour at once, and none too soon after one that failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import DagsterRunStatus, RunsFilter

from chimera_assets.errors import in_short
from chimera_assets.hour_ranges import parts, ranges
from chimera_assets.hours import HourRange, partition_key
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.orchestration.runs.statuses import AT_WORK, ENDED, WAITING
from chimera_assets.orchestration.runs.tags import (
    CAUSE_TAG,
    LATE,
    hours_of_tags,
    late_streams,
    late_tags,
    partition_tags,
)
from chimera_assets.runs.job_names import HOURLY_JOB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dagster import DagsterInstance, DagsterRun, RunRecord

    from chimera_assets.ingest.late_row_scan import LateRowScan

#: Runs that one tick may ask for; the rest waits for the next.
RUNS_A_TICK = 5

#: Hours of one run: a backfill of so many is known to go well.
_HOURS_A_RUN = 2_160

#: A run that began so long ago and has not ended has lost its process, and is not waited for.
_LONGEST_RUN = timedelta(hours=6)

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
_REMEMBERED = timedelta(days=30)
_RUNS_LOOKED_AT = 100
_LISTED = 5


@dataclass(frozen=True, slots=True)
class LateRunRequest:
    """A run to ask for: hours in a row, and the streams that have late rows in each of them."""

    hours: HourRange
    streams: tuple[str, ...]

    def tags(self, rows: int) -> dict[str, str]:
        """The tags of the run: its hours, why, for which streams; how many rows, if it is known."""
        return partition_tags(self.hours) | late_tags(self.streams, rows)


@dataclass(frozen=True, slots=True)
class Failed:
    """The late runs of an hour that failed in a row, and when the next may be asked for."""

    times: int
    again: datetime
    streams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs that a tick asks for, and what it says.

    Attributes:
        runs: The runs, each with how many late rows it is known to be for.
        messages: In lines.
    """

    runs: tuple[tuple[LateRunRequest, int], ...]
    messages: tuple[str, ...]


def plan(instance: DagsterInstance, scans: Mapping[str, LateRowScan], now: datetime) -> Plan:
    """Which runs to ask for now, by what was found pending in each stream and what runs there are.

    Args:
        instance: Dagster's, with the runs there were and are.
        scans: Stream -> what the scan of it found.
        now: The time.
    """
    failed = failures(instance, now)
    busy = hours_at_work(instance, now)
    resting = frozenset(hour for hour, one in failed.items() if one.again > now)
    wanted = {
        stream: (one.pending | {h for h, f in failed.items() if stream in f.streams})
        - busy
        - resting
        for stream, one in scans.items()
    }
    asked = requests(wanted)
    messages = [line for one in scans.values() for line in one.messages]
    messages += _waiting_messages(scans, busy)
    messages += [failed_message(hour, failed[hour]) for hour in sorted(resting)[:_LISTED]]
    if len(asked) > RUNS_A_TICK:
        messages.append(f"{len(asked) - RUNS_A_TICK:,} more runs are asked for by the next ticks")
    runs = [(one, _late_rows(one, scans)) for one in asked[:RUNS_A_TICK]]
    messages += [_request_message(one, rows) for one, rows in runs]
    return Plan(tuple(runs), tuple(messages))


def _late_rows(request: LateRunRequest, scans: Mapping[str, LateRowScan]) -> int:
    return sum(scans[s].rows.get(h, 0) for s in request.streams for h in request.hours)


def _request_message(request: LateRunRequest, rows: int) -> str:
    what = f"{rows:,} late rows" if rows else "hours that are pending, or rows from files"
    return f"asked for {request.hours}: {', '.join(request.streams)}, {what}"


def _waiting_messages(scans: Mapping[str, LateRowScan], busy: Hours) -> Iterator[str]:
    """The late hours that a run is extracting, or is about to."""
    for stream, one in scans.items():
        if waiting := sorted(one.pending & busy):
            listed = in_short([partition_key(hour) for hour in waiting])
            yield f"{stream}: a run of {listed} has not ended yet"


def requests(wanted: Mapping[str, Hours]) -> list[LateRunRequest]:
    """The runs that extract every wanted hour: as few as there are gaps and sets of streams."""
    by_streams: dict[tuple[str, ...], set[datetime]] = {}
    for hour in frozenset().union(*wanted.values()):
        streams = tuple(sorted(stream for stream, hours in wanted.items() if hour in hours))
        by_streams.setdefault(streams, set()).add(hour)
    found = [
        LateRunRequest(part, streams)
        for streams, hours in by_streams.items()
        for one in ranges(hours)
        for part in parts(one, _HOURS_A_RUN)
    ]
    return sorted(found, key=lambda request: request.hours.start)


def hours_at_work(instance: DagsterInstance, now: datetime) -> Hours:
    """The hours of every run that is queued or running, for whatever reason."""
    records = instance.get_run_records(RunsFilter(statuses=[*WAITING, *AT_WORK]))
    return _hours_of(record for record in records if not _is_lost(record, now))


def _is_lost(record: RunRecord, now: datetime) -> bool:
    run = record.dagster_run
    began = record.start_time
    return (
        run.status in AT_WORK
        and began is not None
        and now.timestamp() - began > (_LONGEST_RUN.total_seconds())
    )


def failures(instance: DagsterInstance, now: datetime) -> dict[datetime, Failed]:
    """The hours whose latest late run failed, and that no other run has extracted since.

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
    found: dict[datetime, Failed] = {}
    settled: set[datetime] = set()
    for record in late:  # newest first
        hours = _run_hours(record.dagster_run) - settled
        if record.dagster_run.status == DagsterRunStatus.SUCCESS:
            settled |= hours
            continue
        ended = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
        streams = late_streams(record.dagster_run.tags) or frozenset()
        for hour in hours:
            newest = found.get(hour, Failed(0, ended, frozenset()))
            found[hour] = Failed(newest.times + 1, newest.again, newest.streams | streams)
    healed = _extracted_since(instance, min((one.again for one in found.values()), default=None))
    return {
        hour: Failed(one.times, one.again + _pause(one.times), one.streams)
        for hour, one in found.items()
        if not any(hour in hours and at > one.again for hours, at in healed)
    }


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
        (_run_hours(one.dagster_run), one.create_timestamp)
        for one in records
        if one.dagster_run.asset_selection is None
    ]


def _pause(failed: int) -> timedelta:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(failed - 1, 20)))


def _hours_of(records: Iterable[RunRecord]) -> Hours:
    return NO_HOURS.union(*(_run_hours(record.dagster_run) for record in records))


def _run_hours(run: DagsterRun) -> Hours:
    return frozenset(hours_of_tags(run.tags) or ())


def failed_message(hour: datetime, failed: Failed) -> str:
    """A line about an hour whose run failed."""
    times = "once" if failed.times == 1 else f"{failed.times} times in a row"
    return f"{partition_key(hour)} failed {times}, next try after {failed.again:%Y-%m-%d %H:%M}Z"
