"""Retention: of each table what is past its time and still there, who holds it, what comes next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import counted
from chimera_assets.lifecycle.retention_status import (
    NOT_JUDGED,
    State,
    next_upkeep,
    retention_status,
)
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import Draft, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.lifecycle.retention_status import TableRetention
    from chimera_assets.reports.inputs import Inputs

_NUMBER, _TIME = doc.Kind.number, doc.Kind.time
_COLUMNS = (
    doc.Column("table", "Table"),
    doc.Column("state", "State"),
    doc.Column("keep_days", "Kept", _NUMBER, "days"),
    doc.Column("counted_from", "From"),
    doc.Column("stated_in", "As says"),
    doc.Column("oldest", "Oldest", _TIME),
    doc.Column("newest", "Newest", _TIME),
    doc.Column("rows_due", "Due", _NUMBER),
    doc.Column("rows_overdue", "Overdue", _NUMBER),
    doc.Column("rows_held", "Held", _NUMBER),
    doc.Column("oldest_version_at", "Readable as of", _TIME),
)
_HOLD_COLUMNS = (
    doc.Column("hold", "Hold"),
    doc.Column("table", "Table"),
    doc.Column("rows", "Due rows it keeps", _NUMBER),
    doc.Column("by", "Placed by"),
    doc.Column("reason", "Reason"),
)
_NOT_JUDGED_COLUMNS = (doc.Column("table", "Table"), doc.Column("reason", "Why not evaluated"))
_TITLE = "No row is kept for more than a purge's cycle past its time, unless a hold keeps it"


@section(
    "retention",
    "Retention",
    "What of each table was past its time and still there when the report was built, computed from "
    "the tables themselves. Due: past its time since the last purge. Overdue: for longer.",
    of_all_tenants="how long tables are kept is counted over the rows of all tenants",
)
def retention(inputs: Inputs, draft: Draft) -> None:
    """How each table stands to its retention."""
    found = list(retention_status(inputs.lake, known_contracts(), inputs.built_at))
    judged = [one for one in found if one.state not in NOT_JUDGED]
    draft.add_findings(_findings(inputs, found))
    query = f"chimera retention status, at {inputs.built_at.isoformat()}"
    table = doc.Table(
        "retention",
        "Tables that have a retention, and their rows that are past it",
        _COLUMNS,
        _rows(judged),
    )
    draft.add_table(table, Source("retention", table.title, query))
    if judged:
        purge = doc.Figure("Next purge", next_upkeep(inputs.built_at), doc.Kind.time)
        draft.add_figures((purge, Source("next_purge", purge.label, query)))
    held = tuple(
        (hold.hold_id, one.table, hold.rows, hold.by, hold.reason)
        for one in judged
        for hold in one.holds
    )
    if held:
        holds = doc.Table("retention_holds", "Legal holds in force", _HOLD_COLUMNS, held)
        draft.add_table(holds, Source("retention_holds", holds.title, query))
    others = tuple((one.table, one.not_evaluated) for one in found if one not in judged)
    if others:
        table = doc.Table("retention_others", "Other tables", _NOT_JUDGED_COLUMNS, others)
        draft.add_table(table, Source("retention_others", table.title, query))


def _rows(judged: Sequence[TableRetention]) -> tuple[tuple[doc.Value, ...], ...]:
    return tuple(tuple(_cell(getattr(one, column.name)) for column in _COLUMNS) for one in judged)


def _cell(value: doc.Value) -> doc.Value:
    if isinstance(value, State):
        return str(value)
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _findings(inputs: Inputs, found: Sequence[TableRetention]) -> list[doc.Finding]:
    """One of all tables that have a retention; and one a table that cannot be read."""
    judged = [one for one in found if one.state not in NOT_JUDGED]
    gone = [one for one in found if one.state is State.GONE]
    overdue = [one for one in judged if one.state is State.OVERDUE]
    seen = [f"{one.table}: {one.not_evaluated}" for one in gone]
    seen += [
        f"{one.table}: {counted(one.rows_overdue or 0, 'row')} overdue of {one.keep_days:g} days"
        for one in overdue
    ]
    if gone or overdue:
        status = doc.Status.not_satisfied
    elif not judged:
        status, seen = doc.Status.not_evaluated, ["no table has a retention"]
    else:
        status, seen = doc.Status.satisfied, [counted(len(judged), "table")]
    there = {"/".join(each) for each in inputs.lake.tables()}
    unread = [
        doc.Finding(
            f"retention.{one.table}", _TITLE, doc.Status.not_evaluated, (str(one.not_evaluated),)
        )
        for one in found
        if one.table in there and one.rows is None and one.state is not State.GONE
    ]
    return [doc.Finding("retention.tables", _TITLE, status, tuple(seen)), *unread]
