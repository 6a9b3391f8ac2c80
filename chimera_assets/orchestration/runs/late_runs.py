"""Which runs extract late hours again.

No two of one hour at once, and none too soon after one that failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dagster import RunsFilter

from chimera_assets.errors import in_short
from chimera_assets.hour_ranges import parts, ranges
from chimera_assets.hours import HourRange, partition_key
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.orchestration.runs.late_failures import Failed, failed_message, failures
from chimera_assets.orchestration.runs.statuses import AT_WORK, WAITING
from chimera_assets.orchestration.runs.tags import (
    hours_of_tags,
    late_tags,
    partition_tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dagster import DagsterInstance, RunRecord

    from chimera_assets.ingest.late_row_scan import LateRowScan

#: Runs that one tick may ask for; the rest waits for the next.
RUNS_A_TICK = 5

#: Hours of one run: a backfill of so many is known to go well.
_HOURS_A_RUN = 2_160

#: A run that began so long ago and has not ended has lost its process, and is not waited for.
_LONGEST_RUN = timedelta(hours=6)

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
    wanted = {
        stream: _wanted(one.pending, failed.get(stream, {}), now) - busy
        for stream, one in scans.items()
    }
    asked = requests(wanted)
    messages = [line for one in scans.values() for line in one.messages]
    messages += _waiting_messages(scans, busy)
    messages += _failed_messages(failed, now)
    if len(asked) > RUNS_A_TICK:
        messages.append(f"{len(asked) - RUNS_A_TICK:,} more runs are asked for by the next ticks")
    runs = [(one, _late_rows(one, scans)) for one in asked[:RUNS_A_TICK]]
    messages += [_request_message(one, rows) for one, rows in runs]
    return Plan(tuple(runs), tuple(messages))


def _wanted(pending: Hours, failed: Mapping[datetime, Failed], now: datetime) -> Hours:
    """A stream's hours to run: pending ones that need not wait, and failed ones that have."""
    due = {hour for hour, one in failed.items() if one.again <= now}
    held = {hour for hour, one in failed.items() if one.again > now and one.holds}
    return pending - held | due


def _failed_messages(
    failed: Mapping[str, Mapping[datetime, Failed]], now: datetime
) -> Iterator[str]:
    resting = [
        (hour, stream)
        for stream, hours in failed.items()
        for hour, one in hours.items()
        if one.again > now
    ]
    for hour, stream in sorted(resting)[:_LISTED]:
        yield failed_message(stream, hour, failed[stream][hour])


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


def _hours_of(records: Iterable[RunRecord]) -> Hours:
    tags = [record.dagster_run.tags for record in records]
    return NO_HOURS.union(*(hours_of_tags(one) or () for one in tags))
