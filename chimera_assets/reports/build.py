"""Building a report: its sections, its files, its entry in the audit log, its signed bundle.

Nothing is there until all of it is: a build that is killed leaves no half report. A report that was
built before is built again only if its figures are others by now, or what its sections say: as a
new revision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

from chimera_assets import __version__
from chimera_assets.audit.proofs import Prover
from chimera_assets.audit.publishing import FOLDER as AUDIT
from chimera_assets.audit.reading import Wanted, whole_entries
from chimera_assets.contracts import contracts
from chimera_assets.errors import ChimeraError
from chimera_assets.lake.objects import Objects
from chimera_assets.postgres.platform.exclusive import exclusive
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports.changes import Version, changed_figures, changes_section
from chimera_assets.reports.draft import ReportDraft
from chimera_assets.reports.evidence import predicate as evidence
from chimera_assets.reports.evidence.bundle import subjects_of, write_bundle
from chimera_assets.reports.evidence.statement import ACTION, entry_details
from chimera_assets.reports.evidence.strict_json import loads
from chimera_assets.reports.inputs import BuiltSection, Inputs
from chimera_assets.reports.periods import require_over
from chimera_assets.reports.queries import PeriodTables
from chimera_assets.reports.recorded import KEPT, last_recorded
from chimera_assets.reports.sections.from_pack import pack_sections
from chimera_assets.reports.sections.own import OWN_SECTIONS
from chimera_assets.reports.store import Store, StoredReport
from chimera_assets.reports.tenants import tenant_columns
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.packs.sections import Section
    from chimera_assets.reports import document as doc
    from chimera_assets.reports.order import Order
    from chimera_assets.runs.job_runs import RunsWithin

#: The packages that the bytes of a report's files depend on.
_LIBRARIES = ("duckdb", "jinja2", "polars", "rfc8785", "typst", "xlsxwriter")


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an order.

    Attributes:
        report: The report.
        new: Whether it was built now; else its figures are those that it has had.
        place: Where it is.
        status: What its sections say, by section; None for one that judges nothing.
        changed: How many figures are others than in the revision before; 0 for the first one.
    """

    report: StoredReport
    new: bool
    place: str
    status: Mapping[str, doc.Status | None]
    changed: int = 0


def build(
    context: AuditedContext,
    order: Order,
    sections: Sequence[Section],
    keys: SigningKeys,
    runs: RunsWithin | None = None,
) -> Made:
    """Build a report, unless it was built before and says what it said.

    Args:
        context: Who builds it, when, of which lake.
        order: Which report.
        sections: The sections that packs describe.
        keys: What signs it.
        runs: What gives the runs of Dagster's jobs; None where it is not asked.

    Raises:
        ArgumentError: The period is not over.
        AuditError: It cannot be put on the record.
        NotPublished: The audit log cannot be signed, so that nothing would prove the report.
        OthersAtWork: Somebody else builds this report.
        MissingPackageError: The extra `reports` is not installed.
    """
    require_over(order.period, context.now)
    store = Store(context.lake)
    with exclusive(context.audit.database, f"building report {order.id}", context.actor.name):
        last = store.newest(order.id)
        inputs = replace(inputs_of(context, order), runs=runs)
        built, lacking = list(_built(inputs, sections)), _lacking(inputs)
        changed = 0
        # One that was deleted has had its number, and the record of it stays.
        known = last_recorded(context.audit.database, order.id)
        revision = max(known, last.revision if last is not None else 0) + 1
        draft = ReportDraft(context, order, revision, built, lacking)
        # With one that was damaged nothing can be compared.
        if last is not None and store.problem(last) is None:
            before, now = _read(store, last), Version(draft.figures, draft.json)
            changed = len(changed_figures(before.figures, draft.figures))
            said = (before.notes, before.statuses) == (lacking, now.statuses)
            if not changed and said:
                return Made(last, new=False, place=store.place(last), status=draft.status)
            changes = changes_section(before, now, revision)
            draft = ReportDraft(context, order, revision, [BuiltSection(changes), *built], lacking)
        report = StoredReport(order.period.name, order.id, revision)
        _write(context, store, report, draft, keys)
    return Made(report, new=True, place=store.place(report), status=draft.status, changed=changed)


def inputs_of(
    context: AuditedContext, order: Order, versions: Mapping[str, int] | None = None
) -> Inputs:
    """What a report is made of.

    Args:
        context: Who builds it, when, of which lake.
        order: Which report.
        versions: Table -> the version to read, for a report that is made again.
    """
    lineages = column_lineages(context.lake)
    masks = Masks(OPERATOR_LEVEL, context.contracts, lineages)
    tenants = tenant_columns(context.contracts, lineages)
    return Inputs(
        context.lake,
        contracts(),
        order.period,
        order.tenant,
        context.now,
        PeriodTables(context.lake, masks, tenants, versions, order.period.zone),
        context.audit,
        lineages=lineages,
    )


def _built(inputs: Inputs, sections: Sequence[Section]) -> Iterator[BuiltSection]:
    yield from pack_sections(inputs, sections)
    for section in OWN_SECTIONS.values():
        yield section(inputs)


def _lacking(inputs: Inputs) -> tuple[str, ...]:
    """What of the period the report lacks, for its cover."""
    try:
        return inputs.missing.notes()
    except ChimeraError as error:
        return (f"Whether hours are missing could not be told: {error}.",)


def _write(
    context: AuditedContext,
    store: Store,
    report: StoredReport,
    draft: ReportDraft,
    keys: SigningKeys,
) -> None:
    """Put a report on the record, and then where it is kept."""
    files = draft.files()
    details = entry_details(draft.report, subjects_of(files))
    with context.change(ACTION, f"report {report.name}", after=details):
        if failures := context.catch_up().failures:
            raise failures[0]
        said = evidence.Predicate(
            draft.report, draft.figures, _made_by(context), _logged(context, report)
        )
        store.keep(report, lambda folder: write_bundle(folder, files, said, keys.keys))
    with context.change(KEPT, f"report {report.name}"):
        pass  # it is there


def _made_by(context: AuditedContext) -> evidence.MadeBy:
    versions = {
        stream: evidence.ContractVersion(
            contract.version, sha256(contract.path.read_bytes()).hexdigest()
        )
        for stream, contract in context.contracts.items()
    }
    return evidence.MadeBy(__version__, versions, {name: version(name) for name in _LIBRARIES})


def _logged(context: AuditedContext, report: StoredReport) -> evidence.Logged:
    """The report's entry in the audit log, with its proof."""
    wanted = Wanted(action=ACTION, run_id=context.run_id, resource=report.name)
    *_, entry = whole_entries(context.audit.database, wanted)
    prover = Prover(Objects(context.lake, AUDIT))
    proof = prover.prove(entry.entry.sequence, entry.leaf.encode())
    return evidence.Logged.of(entry.leaf, entry.details or "", entry.salt or b"", proof)


def _read(store: Store, report: StoredReport) -> Version:
    """What a report says that was built before."""
    said = loads(store.read(report, "report.json"), "report.json")
    return Version(store.statement(report).predicate.figures, said)
