"""Lineage: what the report's columns are made of, records traced, changes of schemas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chimera_assets.audit import Wanted, newest
from chimera_assets.audit.column_changes import column_changes
from chimera_assets.errors import counted, in_short
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.column_origins import (
    ORIGIN_COLUMNS,
    columns_read,
    origin_rows,
)
from chimera_assets.reports.sections.draft import Draft, section
from chimera_assets.reports.sections.sampled_records import SAMPLE_COLUMNS, sampled
from chimera_assets.reports.sections.trace_gaps import Gaps
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.audit.log import AuditLog
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.reports.inputs import Inputs
    from chimera_assets.reports.sections.sampled_records import Sampled

#: As the audit log calls what it notices of a contract.
_CONTRACT = "contract.change"
#: More changes of contracts than anybody makes in a period.
_MOST = 10_000
_CHANGE_COLUMNS = (
    doc.Column("at", "Time", doc.Kind.time),
    doc.Column("what", "Table or contract"),
    doc.Column("version", "Version"),
    doc.Column("column", "Column"),
    doc.Column("before", "Before"),
    doc.Column("after", "After"),
)


@section(
    "lineage",
    "Lineage",
    "What the columns that this report reads are made of, down to the operational tables; records "
    "taken by chance and traced through all layers; changes of schemas within the period.",
)
def lineage(inputs: Inputs, draft: Draft) -> None:
    """Columns, records, schemas."""
    lineages = column_lineages(inputs.lake)
    _add_sample(inputs, draft, lineages)
    rows = tuple(origin_rows(columns_read(inputs.lake), lineages))
    table = doc.Table("lineage_columns", "What columns are made of", ORIGIN_COLUMNS, rows)
    query = "quality/column_lineage, and the contracts, as chimera lineage --column follows them"
    draft.add_table(table, Source(table.name, table.title, query))
    if inputs.tenant is not None:
        draft.add_text("Left out: changes of schemas, which are of the rows of all tenants.")
    elif inputs.audit is None:
        draft.add_text("Not evaluated: changes of schemas, as there is no audit log.")
    else:
        hours = inputs.period.hours
        _add_changes(inputs.audit, draft, Wanted(since=hours.start, until=hours.end))


def _add_sample(inputs: Inputs, draft: Draft, lineages: Lineages) -> None:
    found = list(sampled(inputs, lineages))
    rows = tuple(one.row for one in found)
    table = doc.Table("lineage_sample", "Records traced", SAMPLE_COLUMNS, rows)
    draft.add_findings([_finding(found)])
    query = "chimera lineage of each; numbers are the versions of tables that stored it"
    draft.add_table(table, Source(table.name, table.title, query))


def _finding(found: Sequence[Sampled]) -> doc.Finding:
    """Whether each record leads to a commit of every table that must have it."""
    whole = sum(one.gaps == Gaps() for one in found)
    seen = [f"{whole:,} of {counted(len(found), 'record')} traced to batch, commit and verdict"]
    seen += [note for one in found for note in _notes(one)]
    if not found:
        status, seen = doc.Status.not_evaluated, ["there is no valid row in the period"]
    elif any(one.gaps.lacking for one in found):
        status = doc.Status.not_satisfied
    else:
        status = doc.Status.satisfied if whole == len(found) else doc.Status.not_evaluated
    title = "Records taken by chance lead back to where they came from"
    return doc.Finding("lineage.sample", title, status, tuple(seen))


def _notes(one: Sampled) -> Iterator[str]:
    stream, key, *_ = one.row
    if one.gaps.lacking:
        yield f"{stream} {key}: not found in {in_short(one.gaps.lacking)}"
    if one.gaps.forgotten:
        tables = in_short(one.gaps.forgotten)
        yield f"{stream} {key}: which commit stored it, the log no longer says of {tables}"


def _add_changes(audit: AuditLog, draft: Draft, wanted: Wanted) -> None:
    rows = tuple(sorted(_changes(audit, wanted), key=lambda row: str(row[0])))
    table = doc.Table("lineage_schemas", "Changes of schemas", _CHANGE_COLUMNS, rows)
    within = f"at >= {wanted.since:%Y-%m-%dT%H:%MZ} and at < {wanted.until:%Y-%m-%dT%H:%MZ}"
    query = f"audit.entries, {within}, of table.commit with columns and of contract.change"
    draft.add_table(table, Source(table.name, table.title, query))


def _changes(audit: AuditLog, wanted: Wanted) -> Iterator[tuple[doc.Value, ...]]:
    for one in column_changes(audit.database, wanted):
        at = one.at.replace(microsecond=0)
        yield at, one.table, str(one.version), one.column, one.before, one.after
    for entry in newest(audit.database, replace(wanted, action=_CONTRACT), _MOST):
        before, after = (
            str(said["version"]) if said and "version" in said else None
            for said in (entry.before, entry.after)
        )
        at = entry.at.replace(microsecond=0)
        yield at, f"contract {entry.resource}", after, None, before, after
