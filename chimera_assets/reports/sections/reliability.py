"""Reliability: runs and their failures, how soon hours were published, what went wrong."""

from __future__ import annotations

from dataclasses import astuple, replace
from itertools import groupby
from typing import TYPE_CHECKING

from chimera_assets.audit import Wanted, newest
from chimera_assets.audit.statistics import entries_by_actor
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections import publishing_lag as lag
from chimera_assets.reports.sections.draft import Draft, section, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.audit.log import AuditLog
    from chimera_assets.reports.inputs import Inputs

#: The audit log's actions that are runs, and what they are called.
_RUNS = {
    "hours.run": "hours, by the schedule",
    "hours.late": "hours with late rows",
    "hours.backfill": "hours, as somebody asked",
    "quarantine.replay": "replays of the quarantine",
    "run.start": "other jobs",
}
#: So many failures are listed, newest first.
_MOST_FAILURES = 500
_NUMBER, _TIME = doc.Kind.number, doc.Kind.time
_RUN_COLUMNS = (
    doc.Column("runs", "Runs of"),
    doc.Column("action", "In the audit log"),
    doc.Column("started", "Started", _NUMBER),
    doc.Column("failed", "Failed", _NUMBER),
)
_FAILURE_COLUMNS = (
    doc.Column("sequence", "Entry", _NUMBER),
    doc.Column("at", "Time", _TIME),
    doc.Column("action", "What failed"),
    doc.Column("resource", "Of what"),
    doc.Column("kind", "Kind of failure"),
)
_JOB_COLUMNS = (
    doc.Column("job", "Job"),
    doc.Column("succeeded", "Succeeded", _NUMBER),
    doc.Column("failed", "Failed", _NUMBER),
    doc.Column("canceled", "Canceled", _NUMBER),
    doc.Column("retries", "Retries", _NUMBER),
    doc.Column("median_seconds", "Median", _NUMBER, "s"),
    doc.Column("longest_seconds", "Longest", _NUMBER, "s"),
)
_WITHOUT_DAGSTER = (
    "Not evaluated: retries and how long runs took, which only Dagster's own storage knows."
)


@section(
    "reliability",
    "Reliability",
    "Whether runs came to their end, and how soon after its end each hour could be read. Runs and "
    "failures are those within the period by the clock; lags are of the period's own hours.",
    of_all_tenants="runs and hours are of the rows of all tenants",
)
def reliability(inputs: Inputs, draft: Draft) -> None:
    """Runs, failures, lag."""
    hours = inputs.period.hours
    _add_lags(inputs, draft)
    if inputs.audit is None:
        draft.add_text("Not evaluated: runs and failures, as there is no audit log.")
    else:
        _add_runs(inputs.audit, draft, Wanted(since=hours.start, until=hours.end))
    _add_jobs(inputs, draft)


def _add_lags(inputs: Inputs, draft: Draft) -> None:
    """How soon hours were published."""
    hours = len(inputs.period.hours)
    asked = lag.queries(inputs.lake, inputs.contracts.values(), hours)
    if not asked:
        draft.add_text("Not evaluated: how soon hours were published, as nothing was extracted.")
        return
    found = draft.ask(asked)
    judged = list(lag.findings(found["streams"], inputs.missing, inputs.built_at))
    if not judged:
        draft.add_text("Not evaluated: how soon hours were published, as none of them ever was.")
        return
    draft.add_findings(judged)
    title = "Hours, and minutes from their end until they were published"
    draft.add_table(*table_of("reliability_lag", title, lag.STREAM_COLUMNS, found["streams"]))
    if (chart := lag.chart(found["over_time"], hours)) is not None:
        draft.add_chart(chart)
        name, title, over_time = "reliability_lag_over_time", "Lag over time", found["over_time"]
        draft.add_table(*table_of(name, title, lag.TIME_COLUMNS, over_time, shown=40))
    if found["late"].rows:
        title = "Hours that were published late"
        late = table_of("reliability_late", title, lag.LATE_COLUMNS, found["late"], shown=30)
        draft.add_table(*late)


def _add_runs(audit: AuditLog, draft: Draft, wanted: Wanted) -> None:
    """What the audit log knows of runs, and everything else that failed."""
    acted = [one for one in entries_by_actor(audit.database, wanted) if one.action in _RUNS]
    by_action = sorted(acted, key=lambda one: list(_RUNS).index(one.action))
    rows = []
    for action, group in groupby(by_action, key=lambda one: one.action):
        parts = list(group)
        started, failed = (
            sum(getattr(one, name) for one in parts) for name in ("entries", "failed")
        )
        rows.append((_RUNS[action], action, started, failed))
    within = f"at >= {wanted.since:%Y-%m-%dT%H:%MZ} and at < {wanted.until:%Y-%m-%dT%H:%MZ}"
    table = doc.Table("reliability_runs", "Runs that changed tables", _RUN_COLUMNS, tuple(rows))
    draft.add_table(table, Source(table.name, table.title, f"audit.entries, {within}, by action"))
    failures = tuple(_failures(audit, replace(wanted, changes=False)))
    table = doc.Table("reliability_failures", "What failed", _FAILURE_COLUMNS, failures)
    query = f"audit.entries, {within}, those that say that an earlier one failed"
    draft.add_table(table, Source(table.name, table.title, query))


def _failures(audit: AuditLog, wanted: Wanted) -> Iterator[tuple[doc.Value, ...]]:
    for one in newest(audit.database, wanted, _MOST_FAILURES):
        kind = str(one.after.get("failed")) if one.after else None
        yield one.sequence, one.at.replace(microsecond=0), one.action, one.resource, kind


def _add_jobs(inputs: Inputs, draft: Draft) -> None:
    """What only Dagster knows."""
    if inputs.runs is None:
        draft.add_text(_WITHOUT_DAGSTER)
        return
    rows = tuple(map(astuple, inputs.runs(inputs.period.hours)))
    title = "Jobs whose runs ended within the period"
    table = doc.Table("reliability_jobs", title, _JOB_COLUMNS, rows)
    draft.add_table(table, Source(table.name, title, "Dagster's storage of runs"))
