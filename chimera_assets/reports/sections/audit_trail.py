"""The audit trail: who did what in the period, which tables were committed to, is the log whole."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from chimera_assets.audit import Wanted, newest
from chimera_assets.audit.findings import CHECKS, OPTIONAL
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.audit.statistics import commits_by_table, entries_by_actor
from chimera_assets.errors import ChimeraError
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import MOST_NAMED, Draft, NotEvaluatedError, section
from chimera_assets.reports.whole_log import verify_whole_log
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from chimera_assets.audit import Entry
    from chimera_assets.audit.findings import Check
    from chimera_assets.audit.log import AuditLog
    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.audit.statistics import Acted
    from chimera_assets.reports.inputs import Inputs

#: So many of the newest things that people did are listed.
_NEWEST = 200
_NUMBER, _TIME = doc.Kind.number, doc.Kind.time
_ACTOR_COLUMNS = (
    doc.Column("actor", "Who"),
    doc.Column("action", "Did what"),
    doc.Column("entries", "Times", _NUMBER),
    doc.Column("failed", "Failed", _NUMBER),
    doc.Column("first", "First", _TIME),
    doc.Column("last", "Last", _TIME),
)
_NEWEST_COLUMNS = (
    doc.Column("sequence", "Entry", _NUMBER),
    doc.Column("at", "Time", _TIME),
    doc.Column("actor", "Who"),
    doc.Column("action", "Did what"),
    doc.Column("resource", "To what"),
    doc.Column("failure_of", "Failure of entry", _NUMBER),
)
_COMMIT_COLUMNS = (
    doc.Column("table", "Table"),
    doc.Column("commits", "Commits", _NUMBER),
    doc.Column("rows", "Rows written", _NUMBER),
    doc.Column("first_version", "From version", _NUMBER),
    doc.Column("last_version", "To version", _NUMBER),
    doc.Column("erased", "Without details", _NUMBER),
)


@section(
    "audit_trail",
    "Audit trail",
    "What changed data, configuration or access within the period, by the clock and not by the "
    "hours of events; and whether the log that says so is whole.",
    of_all_tenants="the audit log's entries are of all tenants",
)
def audit_trail(inputs: Inputs, draft: Draft) -> None:
    """Entries by actor and action, what people did, commits by table; the log's verification."""
    audit = inputs.audit
    if audit is None:
        msg = "there is no audit log"
        raise NotEvaluatedError(msg)
    # First, as it records what no entry speaks of yet.
    checks = verify_whole_log(audit, inputs.lake, get_settings(), _keys())
    draft.add_findings(list(map(_finding, checks)), optional=set(map(_id, OPTIONAL)))
    hours = inputs.period.hours
    wanted = Wanted(since=hours.start, until=hours.end)
    within = f"at >= {hours.start.isoformat()} and at < {hours.end.isoformat()}"
    acted = entries_by_actor(audit.database, wanted)
    draft.add_figures(*_figures(acted, within))
    rows = tuple(
        astuple(replace(one, first=_second(one.first), last=_second(one.last))) for one in acted
    )
    by_actor = doc.Table("audit_actors", "Who did what", _ACTOR_COLUMNS, rows)
    draft.add_table(by_actor, _source(by_actor, "grouped by actor and action", within))
    _add_newest(audit, draft, within, replace(wanted, commits=False, system=False))
    committed = tuple(map(astuple, commits_by_table(audit.database, wanted)))
    commits = doc.Table("audit_commits", "Commits by table", _COMMIT_COLUMNS, committed)
    draft.add_table(commits, _source(commits, "of action table.commit, by table", within))


def _add_newest(audit: AuditLog, draft: Draft, within: str, wanted: Wanted) -> None:
    entries = newest(audit.database, wanted, _NEWEST)
    title = f"What people and services did, the newest {_NEWEST}"
    table = doc.Table("audit_newest", title, _NEWEST_COLUMNS, tuple(map(_row, entries)), shown=30)
    said = f"the newest {_NEWEST} that are no commits, nor of the system itself"
    draft.add_table(table, _source(table, said, within))


def _row(entry: Entry) -> tuple[doc.Value, ...]:
    actor = entry.actor.label
    return entry.sequence, _second(entry.at), actor, entry.action, entry.resource, entry.failure_of


def _second(moment: datetime) -> datetime:
    """The second of a time: the log has the whole of it, under the entry's number."""
    return moment.replace(microsecond=0)


def _figures(acted: Sequence[Acted], within: str) -> Iterator[tuple[doc.Figure, Source]]:
    for name, title, value in (
        ("entries", "Entries", sum(one.entries + one.failed for one in acted)),
        ("failed", "Changes that failed", sum(one.failed for one in acted)),
        ("actors", "Actors", len({one.actor for one in acted})),
    ):
        query = f"audit.entries, {within}, counted"
        yield doc.Figure(title, value), Source(name, title, query)


def _finding(check: Check) -> doc.Finding:
    """What the verification says of one of its checks."""
    seen = list(check.problems[:MOST_NAMED])
    if (more := len(check.problems) - MOST_NAMED) > 0:
        seen.append(f"and {more:,} more")
    if check.checked is not None:
        seen.append(f"checked: {check.checked:,}")
    status = doc.Status(check.status)
    return doc.Finding(_id(check.name), CHECKS[check.name], status, (*seen, *check.notes))


def _id(check: str) -> str:
    return f"audit.{check}"


def _source(table: doc.Table, said: str, within: str) -> Source:
    return Source(table.name, table.title, f"audit.entries, {within}, {said}")


def _keys() -> SigningKeys | None:
    """The keys that sign now; the log's own entries name them too, if these cannot be read."""
    try:
        return load_keys(get_settings())
    except ChimeraError:
        return None
