"""Compliance: each promise of `chimera verify`, recounted over the period's hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts import known_contracts
from chimera_assets.errors import counted
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import streams_with_facts
from chimera_assets.reconciliation.findings import PROMISES
from chimera_assets.reconciliation.verify import verify
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import MOST_NAMED, Draft, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.reconciliation.findings import Failure
    from chimera_assets.reconciliation.verify import Verification
    from chimera_assets.reports.inputs import Inputs

_FAILURE_COLUMNS = (
    doc.Column("promise", "Promise"),
    doc.Column("table", "Table"),
    doc.Column("hour", "Hour"),
    doc.Column("expected", "Expected"),
    doc.Column("found", "Found"),
)
_HELD_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("hours", "Hours", doc.Kind.number),
    doc.Column("first", "First"),
    doc.Column("last", "Last"),
    doc.Column("good_rows", "Good rows", doc.Kind.number),
    doc.Column("rejected_rows", "Rejected rows", doc.Kind.number),
)


@section(
    "compliance",
    "Compliance",
    "What the platform promises of its tables, recounted over all layers for the period's hours "
    "when the report was built.",
    of_all_tenants="promises are recounted over the rows of all tenants",
)
def compliance(inputs: Inputs, draft: Draft) -> None:
    """A finding a promise, what does not hold, and what gates hold back."""
    hours = inputs.period.hours
    facts = streams_with_facts(active_packs())
    found = verify(inputs.lake, known_contracts(), hours, with_facts=facts)
    draft.add_findings(list(_findings(found)))
    query = f"chimera verify, hours {hours}, at {inputs.built_at.isoformat()}"
    if found.failures:
        failures = tuple(
            (one.promise, one.table, one.hour, one.expected, one.found) for one in found.failures
        )
        table = doc.Table("compliance_failures", "What does not hold", _FAILURE_COLUMNS, failures)
        draft.add_table(table, Source(table.name, table.title, query))
    if found.held_back:
        rows = tuple(
            (one.stream, one.hours, one.first, one.last, one.good_rows, one.rejected_rows)
            for one in found.held_back
        )
        table = doc.Table("compliance_held_back", "Held back by gates", _HELD_COLUMNS, rows)
        draft.add_table(table, Source(table.name, table.title, query))
    if found.expired:
        draft.add_text(f"Retention has deleted rows of {counted(found.expired, 'hour')}.")
    if found.not_compared:
        listed = ", ".join(found.not_compared)
        draft.add_text(f"Not compared, as no aggregates.yaml says what they add up: {listed}.")


def _findings(found: Verification) -> Iterator[doc.Finding]:
    for name, said in PROMISES.items():
        checked = found.checked[name]
        failures = [one for one in found.failures if one.promise == name]
        unit = "table" if name == "files" else "hour"
        seen = [f"{counted(checked, unit)}{' of tables' * (unit == 'hour')} recounted"]
        if failures:
            status = doc.Status.not_satisfied
            seen += [f"broken {counted(len(failures), 'time')}"]
            seen += [_in_words(one) for one in failures[:MOST_NAMED]]
        elif checked:
            status = doc.Status.satisfied
        else:
            status, seen = doc.Status.not_evaluated, ["there is nothing of it in these hours"]
        yield doc.Finding(f"compliance.{name}", said, status, tuple(seen))


def _in_words(one: Failure) -> str:
    where = f"{one.table}, {one.hour}" if one.hour is not None else one.table
    return f"{where}: expected {one.expected}, found {one.found}"
