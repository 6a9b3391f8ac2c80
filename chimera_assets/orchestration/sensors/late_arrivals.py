"""The sensor for late rows: it asks for just the hours in which rows came after the hour's run."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.contracts import Contract, contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.hours import HourRange
from chimera_assets.ingest.late_row_scan import LateRowScan, scan_for_late_rows
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.first_hour import begin_with
from chimera_assets.orchestration.hourly_job import etl_hourly
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS
from chimera_assets.orchestration.runs.late_runs import RUNS_A_TICK, LateRunRequest, plan
from chimera_assets.orchestration.runs.tags import PARTITION_TAG
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.row_values import values_hidden
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.postgres import PostgresSource

_NAME = "late_arrivals"
_ACTOR = Principal.of_system(f"sensor {_NAME}")
_EVERY_SECONDS = 60

#: A scan may take so long; Dagster gives up on a tick after 60 s.
_LONGEST_SCAN = 20

#: Of the source's time, scans take at most one part in so many.
_REST = 20


@dg.sensor(
    name=_NAME,
    job=etl_hourly,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Asks for the hours in which rows arrived, or were changed, after the hour was extracted. "
        "By PostgreSQL's row versions, so that no transaction that commits late is missed."
    ),
)
@values_hidden()  # Dagster keeps the error of a tick
def late_arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Scan every stream, and ask for the runs that its pending hours need."""
    now = datetime.now(UTC)
    rests: dict[str, str] = json.loads(context.cursor or "{}")
    scans = {
        contract.stream: _rested_scan(contract, rests, now)
        for contract in contracts().values()
        if contract.kind == "stream"
    }
    planned = plan(context.instance, scans, now)
    runs = []
    for request, rows in planned.runs:
        begin_with(request.hours.start)  # the run's process reads it as it starts
        runs += [_run_request(one, rows) for one in _as_known(request)]
    if runs:
        for line in planned.messages:
            context.log.info(line)
    reason = None if runs else dg.SkipReason("\n".join(planned.messages))
    return dg.SensorResult(run_requests=runs, skip_reason=reason, cursor=json.dumps(rests))


def _as_known(request: LateRunRequest) -> list[LateRunRequest]:
    """The request; or its first hours one by one, if they are earlier than this process knows.

    Dagster's daemon refuses a range that begins before the partitions with which it was started.
    """
    known = HOURLY_PARTITIONS.start
    if request.hours.start >= known:
        return [request]
    early = takewhile(lambda hour: hour < known, islice(request.hours, RUNS_A_TICK))
    return [replace(request, hours=HourRange.single(hour)) for hour in early]


def _run_request(request: LateRunRequest, rows: int) -> dg.RunRequest:
    tags = request.tags(rows) | _ACTOR.tags()
    is_known = request.hours.start >= HOURLY_PARTITIONS.start
    return dg.RunRequest(partition_key=tags.get(PARTITION_TAG) if is_known else None, tags=tags)


def _rested_scan(contract: Contract, rests: dict[str, str], now: datetime) -> LateRowScan:
    """Scan a stream unless it was scanned, and found slow to scan, just before.

    Args:
        contract: The stream's contract.
        rests: Stream -> when it may be scanned again; kept up to date.
        now: The time.
    """
    stream = contract.stream
    until = rests.get(stream)
    if until is not None and datetime.fromisoformat(until) > now:
        return LateRowScan(
            messages=(f"{stream}: a large table, looked at again after {until[11:16]}Z",)
        )
    started = time.monotonic()
    try:
        source = PostgresSource(source_database_url(get_settings()))
        found = scan_for_late_rows(open_lake(), contract, source, now=now, seconds=_LONGEST_SCAN)
    except ChimeraError as error:
        found = LateRowScan(messages=(_error_message(stream, error),))
    seconds = time.monotonic() - started
    rests.pop(stream, None)
    if seconds * _REST > _EVERY_SECONDS:
        again = now + timedelta(seconds=seconds * _REST)
        rests[stream] = again.isoformat(timespec="seconds")
    return found


def _error_message(stream: str, error: ChimeraError) -> str:
    if isinstance(error, SourceError) and error.cancelled:
        return (
            f"{stream}: looking for late rows took the source more than {_LONGEST_SCAN} s; "
            "the next hourly run looks for them"
        )
    return f"{stream}: {error}"
