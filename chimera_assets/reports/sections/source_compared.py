"""Source and lake compared: whether the lake has what the operational tables have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, counted, one_line, without_userinfo
from chimera_assets.hours import partition_key
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import MOST_NAMED, Draft, section
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceTableMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.source_comparison import Comparison, Difference
    from chimera_assets.reports.inputs import Inputs
    from chimera_assets.sources.postgres import PostgresSource

_NUMBER = doc.Kind.number
_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("hours", "Compared", _NUMBER),
    doc.Column("equal", "Equal", _NUMBER),
    doc.Column("differing", "Differing", _NUMBER),
    doc.Column("pending", "Pending", _NUMBER),
    doc.Column("expired", "Expired", _NUMBER),
    doc.Column("source_rows", "Source rows", _NUMBER),
    doc.Column("missing", "Missing", _NUMBER),
    doc.Column("changed", "Changed", _NUMBER),
    doc.Column("elsewhere", "Moved", _NUMBER),
    doc.Column("deleted", "Deleted", _NUMBER),
)
_HOUR_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("hour", "Hour"),
    doc.Column("source_rows", "Source rows", _NUMBER),
    doc.Column("raw_rows", "Lake rows", _NUMBER),
    doc.Column("missing", "Missing", _NUMBER),
    doc.Column("changed", "Changed", _NUMBER),
    doc.Column("elsewhere", "Moved", _NUMBER),
    doc.Column("deleted", "Deleted", _NUMBER),
    doc.Column("columns", "Columns that differ"),
)


@section(
    "source_compared",
    "Source and lake compared",
    "The operational tables beside the layer raw, each extracted hour of the period, as both were "
    "when the report was built. Missing: in the lake. Moved: to another hour at the source. "
    "Deleted: at the source since, which is no difference. Expired: past their retention.",
    of_all_tenants="hours are compared as a whole, with the rows of all tenants",
)
def source_compared(inputs: Inputs, draft: Draft) -> None:
    """Per stream the hours that are equal, differ, or were not compared."""
    from chimera_assets.sources.postgres import PostgresSource  # noqa: PLC0415 - slow to import

    source = PostgresSource(source_database_url(get_settings()))
    found: list[Comparison] = []
    findings: list[doc.Finding] = []
    for contract in inputs.contracts.values():
        if contract.kind != "stream":
            continue
        compared = _compared(inputs, contract, source)
        findings.append(_finding(contract.stream, compared))
        if not isinstance(compared, str):
            found.append(compared)
    draft.add_findings(findings)
    query = f"chimera verify --source, {inputs.period.hours}, at {inputs.built_at.isoformat()}"
    table = doc.Table(
        "source_compared", "Hours compared, and rows that differ", _COLUMNS, tuple(map(_row, found))
    )
    draft.add_table(table, Source(table.name, table.title, query))
    differing = tuple(_hour_row(one) for each in found for one in each.differences)
    if differing:
        table = doc.Table("source_differs", "Hours that differ", _HOUR_COLUMNS, differing)
        draft.add_table(table, Source(table.name, table.title, query))
    for one in found:
        if one.not_compared:
            columns = ", ".join(one.not_compared)
            draft.add_text(f"{one.stream}: columns that were not compared: {columns}.")


def _compared(inputs: Inputs, contract: Contract, source: PostgresSource) -> Comparison | str:
    """What was compared of a stream; or why nothing was."""
    from chimera_assets.ingest.source_comparison import compare_with_source  # noqa: PLC0415

    hours, now = inputs.period.hours, inputs.built_at
    try:
        found = compare_with_source(inputs.lake, contract, source, hours=hours, now=now)
    except SourceTableMissing:
        return f"there is no table {contract.source_table}: its rows come from files, if any"
    except ChimeraError as error:
        if error.transient:  # the source cannot be reached: nor for the other streams
            raise
        return without_userinfo(one_line(str(error)))
    return found if found is not None else "nothing of it was extracted yet"


def _finding(stream: str, compared: Comparison | str) -> doc.Finding:
    title = f"The lake has what the source has of {stream}"
    if isinstance(compared, str):
        return doc.Finding(
            f"source_compared.{stream}", title, doc.Status.not_evaluated, (compared,)
        )
    seen = list(_seen(compared))
    if any(one.is_loss for one in compared.differences):
        status = doc.Status.not_satisfied
    else:
        status = doc.Status.satisfied if compared.hours else doc.Status.not_evaluated
    return doc.Finding(f"source_compared.{stream}", title, status, tuple(seen))


def _seen(compared: Comparison) -> Iterator[str]:
    rows = counted(compared.rows, "row")
    yield f"{counted(compared.hours, 'hour')} compared, with {rows} at the source"
    for count, what in ((compared.pending, "pending"), (compared.expired, "past retention")):
        if count:
            yield f"{counted(count, 'hour')} not compared, {what}"
    wrong = [one for one in compared.differences if one.is_loss]
    yield from map(_in_words, wrong[:MOST_NAMED])
    if (more := len(wrong) - MOST_NAMED) > 0:
        yield f"and {counted(more, 'hour')} more that differ"


def _in_words(one: Difference) -> str:
    kinds = ((kind, getattr(one, kind)) for kind in ("missing", "changed", "elsewhere"))
    return f"{partition_key(one.hour)}: " + ", ".join(
        f"{counted(rows, 'row')} {kind}" for kind, rows in kinds if rows
    )


def _row(one: Comparison) -> tuple[doc.Value, ...]:
    sums = (
        sum(getattr(each, kind) for each in one.differences)
        for kind in ("missing", "changed", "elsewhere", "deleted")
    )
    differing = sum(each.is_loss for each in one.differences)
    equal = one.hours - differing
    return (one.stream, one.hours, equal, differing, one.pending, one.expired, one.rows, *sums)


def _hour_row(one: Difference) -> tuple[doc.Value, ...]:
    return (
        one.stream,
        partition_key(one.hour),
        one.source_rows,
        one.raw_rows,
        one.missing,
        one.changed,
        one.elsewhere,
        one.deleted,
        ", ".join(one.columns),
    )
