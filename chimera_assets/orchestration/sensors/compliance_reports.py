"""The sensors of reports: each asks for a period's report once the period is over and published.

A period whose hours are not all published is waited for until CHIMERA_REPORT_GRACE_HOURS after its
end; its report then names them. An hour that is judged later makes it due again, and a further
revision if figures changed by that. A look where nothing was judged since the last one, and nothing
is due, reads the version of one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.contracts import contracts
from chimera_assets.errors import ChimeraError, counted
from chimera_assets.lake import open_lake
from chimera_assets.orchestration.assets.reports import REPORT_JOBS
from chimera_assets.orchestration.report_partitions import (
    REPORT_PARTITIONS,
    report_key,
    report_period,
)
from chimera_assets.orchestration.runs.late_runs import hours_at_work
from chimera_assets.orchestration.runs.statuses import AT_WORK, WAITING
from chimera_assets.orchestration.runs.tags import PARTITION_TAG
from chimera_assets.orchestration.sensors.report_cursor import Due, ReportCursor
from chimera_assets.postgres.databases import has_platform_database
from chimera_assets.reports.readiness import judged_since, readiness
from chimera_assets.reports.rendering.packages import are_installed
from chimera_assets.row_values import values_hidden
from chimera_assets.runs.job_names import report_job
from chimera_assets.settings import get_settings
from chimera_assets.system_tables.batches import batches_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chimera_assets.reports.periods import ReportPeriod

_EVERY_SECONDS = 300

#: Runs that one tick may ask for; the rest waits for the next.
_RUNS_A_TICK = 3

#: The tag by which Dagster keeps a run's key.
_RUN_KEY_TAG = "dagster/run_key"

#: A run that was asked for and is not there after this was never made.
_LOST = timedelta(minutes=15)


def report_sensor(kind: str) -> dg.SensorDefinition:
    """The sensor of daily, weekly or monthly reports; on if CHIMERA_REPORTS names them."""
    on = kind in get_settings().report_kinds

    @dg.sensor(
        name=report_job(kind),
        job=REPORT_JOBS[kind],
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED,
        description=(
            f"Asks for the {kind} report once its period is over and published, or "
            "CHIMERA_REPORT_GRACE_HOURS later with what is missing named; again after late hours."
        ),
    )
    @values_hidden()  # Dagster keeps the error of a tick
    def compliance_report(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if (reason := _unable()) is not None:
            return dg.SkipReason(reason)
        try:
            return look(context.instance, kind, context.cursor, datetime.now(UTC))
        except ChimeraError as error:
            return dg.SkipReason(str(error))

    return compliance_report


def look(
    instance: dg.DagsterInstance, kind: str, kept: str | None, now: datetime
) -> dg.SensorResult | dg.SkipReason:
    """What a sensor asks for, and what it remembers of it.

    Args:
        instance: Dagster's, with the runs there were and are.
        kind: Of report.
        kept: The cursor; None at the first look.
        now: The present.

    Raises:
        ChimeraError: The lake cannot be read.
    """
    cursor = _looked(kind, kept, now)
    if cursor is None:
        return dg.SkipReason("No hour was judged yet.")
    return _Tick(instance, kind, now).result(cursor)


def _unable() -> str | None:
    """Why no report can be built here at all."""
    if not are_installed():
        return 'The extra `reports` is not installed: pip install "chimera-assets[reports]"'
    if not has_platform_database(get_settings()):
        return "CHIMERA_DATABASE_URL is not set, so that no report can be put on the record."
    return None


def _looked(kind: str, kept: str | None, now: datetime) -> ReportCursor | None:
    """The cursor, with what has become due since the look before; None if there is nothing yet."""
    lake = open_lake()
    batches = batches_table(lake)
    if not batches.exists():
        return None
    version = batches.version()
    if not kept:
        return ReportCursor.begin(kind, now, version)
    cursor = ReportCursor.parse(kept)
    if version != cursor.seen:
        days = judged_since(lake, cursor.seen, cursor.looked)
        cursor = cursor.judged(kind, days, version, now)
    return cursor.moved_on(kind, now)


@dataclass(frozen=True, slots=True)
class _Tick:
    """One look at the periods that are due.

    Attributes:
        instance: Dagster's, with the runs there were and are.
        kind: Of report.
        now: The present.
    """

    instance: dg.DagsterInstance
    kind: str
    now: datetime

    def result(self, cursor: ReportCursor) -> dg.SensorResult:
        """The runs to ask for, at most one for each period, and the cursor after them."""
        requests: list[dg.RunRequest] = []
        said: list[str] = []
        for first, due in sorted(cursor.due.items()):
            if len(requests) == _RUNS_A_TICK:
                said.append("More reports are asked for by the next ticks.")
                break
            period = report_period(self.kind, first.isoformat())
            why = self._why_not(period, due)
            if why is None:
                key = f"{report_key(period)}:{cursor.seen}:{due.tries + 1}"
                requests.append(self._request(period, key))
                cursor = cursor.asked(first, key, self.now)
            else:
                said.append(f"{period.name}: {why.words}")
                cursor = cursor.done(first) if why.done else cursor
        reason = None if requests else dg.SkipReason("\n".join(said) or "No report is due.")
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=cursor.to_json())

    def _request(self, period: ReportPeriod, key: str) -> dg.RunRequest:
        actor = Principal.of_system(f"sensor {report_job(self.kind)}")
        return dg.RunRequest(run_key=key, partition_key=report_key(period), tags=actor.tags())

    def _why_not(self, period: ReportPeriod, due: Due) -> _Reason | None:
        """Why no run is asked for; None if one is."""
        if not REPORT_PARTITIONS[self.kind].has_partition_key(report_key(period)):
            return _Reason("it is before the first hour of all", done=True)
        if self._runs([*WAITING, *AT_WORK], {PARTITION_TAG: report_key(period)}):
            return _Reason("a run of it has not ended yet")
        if due.run_key and (reason := self._of_the_asked(due)) is not None:
            return reason
        if not hours_at_work(self.instance, self.now).isdisjoint(period.hours):
            return _Reason("a run is at work on hours of it")
        return self._unready(period)

    def _of_the_asked(self, due: Due) -> _Reason | None:
        """What has become of the run that was asked for; None if another one is to be."""
        again = due.again()
        runs = self._runs(None, {_RUN_KEY_TAG: due.run_key})
        if not runs:
            lost = due.asked is not None and self.now - due.asked > _LOST
            return None if lost else _Reason("its run was asked for")
        if runs[0].dagster_run.is_success:
            return _Reason("it is there", done=True)
        if again is not None and self.now < again:
            return _Reason(f"its run failed; asked for again after {again:%Y-%m-%d %H:%M}Z")
        return None

    def _unready(self, period: ReportPeriod) -> _Reason | None:
        found = readiness(open_lake(), contracts(), period.hours)
        if not found.expected:
            return _Reason("no hour of it was expected", done=True)
        grace = period.hours.end + timedelta(hours=get_settings().report_grace_hours)
        if found.lacking and self.now < grace:
            lacking = counted(found.lacking, "hour")
            return _Reason(f"waits for {lacking} of its streams until {grace:%Y-%m-%d %H:%M}Z")
        return None

    def _runs(
        self, statuses: Sequence[dg.DagsterRunStatus] | None, tags: Mapping[str, str]
    ) -> Sequence[dg.RunRecord]:
        wanted = dg.RunsFilter(job_name=report_job(self.kind), statuses=statuses, tags={**tags})
        return self.instance.get_run_records(wanted, limit=1)


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why no run is asked for, in words, and whether that is all there is to do."""

    words: str
    done: bool = False
