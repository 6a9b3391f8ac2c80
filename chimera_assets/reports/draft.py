"""A report as it would be written: its document, its figures with what they are from, its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets import __version__
from chimera_assets.contracts.active import contracts, stream_packs
from chimera_assets.packs import active_packs
from chimera_assets.reports import document as doc
from chimera_assets.reports.evidence import oscal
from chimera_assets.reports.evidence import predicate as evidence
from chimera_assets.reports.evidence.canonical_json import digest
from chimera_assets.reports.evidence.checks import Outcome
from chimera_assets.reports.evidence.strict_json import at, loads
from chimera_assets.reports.readable_size import require_readable
from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.files import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.reports.inputs import BuiltSection
    from chimera_assets.reports.order import Order

_TITLE = "Analytics and compliance report"


def subtitle() -> str:
    """The packs of which a stream runs, or that have none; where there are none, the streams."""
    running, packs = contracts(), stream_packs()
    off = set(packs.values()) - {packs[stream] for stream in running if stream in packs}
    titles = " · ".join(pack.title for pack in active_packs() if pack.name not in off)
    return titles or ", ".join(running)


class ReportDraft:
    """A report as it would be written.

    Args:
        context: Who builds it, and when.
        order: Which report.
        revision: Which revision.
        built: Its sections.
        notes: What of the period it lacks.
    """

    def __init__(
        self,
        context: AuditedContext,
        order: Order,
        revision: int,
        built: Sequence[BuiltSection],
        notes: tuple[str, ...],
    ) -> None:
        period = order.period
        hours = period.hours
        self.document = doc.Document(
            title=f"{_TITLE}, {period.name}",
            subtitle=subtitle(),
            id=order.id,
            revision=revision,
            period=doc.Period(hours.start, hours.end, period.kind),
            time_zone=period.zone,
            tenant=order.tenant,
            generated_at=context.now,
            producer=doc.Producer("Chimera Assets", __version__),
            sections=tuple(one.section for one in built),
            notes=notes,
        )
        self.status = {one.section.id: one.section.status for one in built}
        data = json_bytes(self.document)
        require_readable(self.document, len(data))
        self.json = loads(data, "report.json")
        self.figures = tuple(self._figures(built))
        self.report = evidence.Report(
            order.id,
            revision,
            hours.start,
            hours.end,
            period.zone,
            {"period": period.name, "tenant": order.tenant},
        )

    def _figures(self, built: Sequence[BuiltSection]) -> Iterator[evidence.Figure]:
        for number, one in enumerate(built):
            for place, source in one.sources.items():
                pointer = f"/sections/{number}{place}"
                yield evidence.Figure(
                    f"{one.section.id}.{source.name}",
                    source.metric,
                    source.query,
                    pointer,
                    digest(at(self.json, pointer, "report.json")),
                    tuple(
                        evidence.TableVersion(read.table, read.version, read.rows)
                        for read in source.read
                    ),
                )

    def files(self) -> dict[str, bytes]:
        """The files of the report but its manifest, by name."""
        return {**rendered(self.document), **self._findings()}

    def _findings(self) -> dict[str, bytes]:
        """The findings of all sections as OSCAL assessment results; nothing without any."""
        found = [
            oscal.Finding(
                finding.id,
                finding.title,
                Outcome(finding.status.value),
                "; ".join(finding.observations) or finding.title,
                ("report.json",),
            )
            for block in self.document.blocks()
            if isinstance(block, doc.Findings)
            for finding in block.findings
        ]
        if not found:
            return {}
        document = self.document
        made = oscal.assessment_results(
            self.report, found, title=document.title, at=document.generated_at
        )
        return {"oscal.json": made}
