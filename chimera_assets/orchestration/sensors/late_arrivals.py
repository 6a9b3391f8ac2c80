"""The sensor for late rows: it asks for just the hours in which rows came after they were taken."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.contracts import contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.hours import partition_key, ranges
from chimera_assets.ingest.backlog import Known, backlog, doubt, held_back, in_short, shrunk
from chimera_assets.ingest.files_only import FilesOnly, source_now
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.hourly_job import etl_hourly
from chimera_assets.orchestration.runs.late_runs import (
    RUNS_A_TICK,
    failed_message,
    failures,
    hours_at_work,
    requests,
)
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing import LAYER
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake

_NAME = "late_arrivals"
_ACTOR = Principal.of_system(f"sensor {_NAME}")
_EVERY_SECONDS = 60

#: A look may take so long; Dagster gives up on a tick after 60 s.
_LONGEST_LOOK = 20

#: Of the source's time, looks take at most one part in so many.
_REST = 20

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at one stream found.

    Attributes:
        wanted: The hours to be taken again.
        rows: How many rows came late in each of them, where that is known.
        told: What is worth telling, in lines.
    """

    wanted: Hours = NO_HOURS
    rows: Mapping[datetime, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()


@dg.sensor(
    name=_NAME,
    job=etl_hourly,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Asks for the hours in which rows arrived, or were changed, after the hour was taken. "
        "By PostgreSQL's row versions, so that no transaction that commits late is missed."
    ),
)
def late_arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at every stream, and ask for a run of each row of late hours."""
    now = datetime.now(UTC)
    rests: dict[str, str] = json.loads(context.cursor or "{}")
    looked: dict[str, Looked] = {}
    for contract in contracts().values():
        if contract.kind == "stream":
            looked[contract.stream] = _rested_look(contract, rests, now)
    failed = failures(context.instance, now)
    busy = hours_at_work(context.instance, now)
    resting = frozenset(hour for hour, one in failed.items() if one.again > now)
    wanted = {
        stream: (one.wanted | {h for h, f in failed.items() if stream in f.streams})
        - busy
        - resting
        for stream, one in looked.items()
    }
    asked = requests(wanted)
    told = [line for one in looked.values() for line in one.told]
    told += _waiting_message(looked, busy)
    told += [failed_message(hour, failed[hour]) for hour in sorted(resting)[:_LISTED]]
    if len(asked) > RUNS_A_TICK:
        told.append(f"{len(asked) - RUNS_A_TICK:,} more runs are asked for by the next ticks")
    runs = []
    for one in asked[:RUNS_A_TICK]:
        rows = sum(looked[s].rows.get(h, 0) for s in one.streams for h in one.hours)
        what = f"{rows:,} late rows" if rows else "hours that are owed, or rows from files"
        told.append(f"asked for {one.hours}: {', '.join(one.streams)}, {what}")
        tags = one.tags(rows) | _ACTOR.tags()
        runs.append(dg.RunRequest(partition_key=tags.get("dagster/partition"), tags=tags))
    if runs:
        for line in told:
            context.log.info(line)
    reason = None if runs else dg.SkipReason("\n".join(told))
    return dg.SensorResult(run_requests=runs, skip_reason=reason, cursor=json.dumps(rests))


def _rested_look(contract: Contract, rests: dict[str, str], now: datetime) -> Looked:
    """Look at a stream unless it was looked at, and found slow to look at, just before.

    Args:
        contract: The stream's contract.
        rests: Stream -> when it may be looked at again; kept up to date.
        now: The time.
    """
    stream = contract.stream
    until = rests.get(stream)
    if until is not None and datetime.fromisoformat(until) > now:
        return Looked(told=(f"{stream}: a large table, looked at again after {until[11:16]}Z",))
    started = time.monotonic()
    try:
        found = _look(open_lake(), contract)
    except ChimeraError as error:
        found = Looked(told=(_error_message(stream, error),))
    seconds = time.monotonic() - started
    rests.pop(stream, None)
    if seconds * _REST > _EVERY_SECONDS:
        again = now + timedelta(seconds=seconds * _REST)
        rests[stream] = again.isoformat(timespec="seconds")
    return found


def _error_message(stream: str, error: ChimeraError) -> str:
    if isinstance(error, SourceError) and "statement timeout" in error.problem:
        return (
            f"{stream}: looking for late rows took the source more than {_LONGEST_LOOK} s; "
            "the next hourly run looks for them"
        )
    return f"{stream}: {error}"


def _look(lake: Lake, contract: Contract) -> Looked:
    known = Known.of(lake, contract.stream)
    if known.begun is None and not lake.table(LAYER, contract.stream).exists():
        return Looked(told=(f"{contract.stream}: nothing taken in yet",))
    source = PostgresSource(source_database_url(get_settings()))
    told: list[str] = []
    with source_now(lake, contract, source, seconds=_LONGEST_LOOK) as now:
        found = backlog(lake, contract, known, now)
        # What a source that is behind would give now is older than what is there.
        wanted = NO_HOURS if found.arrivals.behind else found.wanted
        kept = [one for hours in ranges(wanted) for one in shrunk(lake, contract, now, hours)]
    if kept:
        told.append(held_back(contract.stream, kept))
    if not isinstance(now, FilesOnly) and (line := doubt(contract, found.arrivals)):
        told.append(line)
    wanted -= {one.hour for one in kept}
    watermark = known.watermark
    if not wanted and not told and watermark is not None and watermark.moment is not None:
        until = watermark.moment.taken_at.astimezone(UTC)
        told.append(f"{contract.stream}: no late rows; taken in up to {until:%Y-%m-%d %H:%M:%S}Z")
    rows = {h: one.rows for h, one in found.arrivals.hours.items() if h in found.late}
    return Looked(wanted, rows, tuple(told))


def _waiting_message(looked: Mapping[str, Looked], busy: Hours) -> list[str]:
    """The late hours that a run is taking, or is about to take."""
    told: list[str] = []
    for stream, one in looked.items():
        if waiting := sorted(one.wanted & busy):
            listed = in_short([partition_key(hour) for hour in waiting])
            told.append(f"{stream}: a run of {listed} has not ended yet")
    return told
