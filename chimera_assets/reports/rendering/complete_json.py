"""`report.json`: all of a document for machines, as canonical JSON (RFC 8785)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rfc8785

from chimera_assets.reports.document import (
    Chart,
    DocumentError,
    Figures,
    Findings,
    Paragraph,
    Table,
)
from chimera_assets.reports.rendering.machines import scalar

if TYPE_CHECKING:
    from chimera_assets.reports.document import Block, Document, Figure, Section

#: What readers of the file go by; a change that breaks them counts it up.
FORMAT = "chimera-report/1"


def json_bytes(document: Document) -> bytes:
    """The document, whole tables included.

    Raises:
        DocumentError: A text is no Unicode, or a time has no zone.
    """
    try:
        return rfc8785.dumps(_document(document))
    except rfc8785.CanonicalizationError as error:
        where = f"report {document.id}"
        raise DocumentError(where, expected="texts of Unicode", found=str(error)) from error


def _document(document: Document) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": document.id,
        "revision": document.revision,
        "title": document.title,
        "subtitle": document.subtitle,
        "language": document.language,
        "period": {
            "start": scalar(document.period.start),
            "end": scalar(document.period.end),
            "label": document.period.label,
        },
        "time_zone": document.time_zone,
        "tenant": document.tenant,
        "filters": dict(document.filters),
        "generated_at": scalar(document.generated_at),
        "producer": {
            "name": document.producer.name,
            "version": document.producer.version,
        },
        "notes": list(document.notes),
        "sections": list(map(_section, document.sections)),
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "status": section.status and section.status.value,
        "intro": section.intro,
        "blocks": list(map(_block, section.blocks)),
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Paragraph):
        return {"type": "paragraph", "text": block.text}
    if isinstance(block, Figures):
        return {"type": "figures", "figures": list(map(_figure, block.figures))}
    if isinstance(block, Table):
        return _table(block)
    return _chart(block) if isinstance(block, Chart) else _findings(block)


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "label": figure.label,
        "value": scalar(figure.value),
        "kind": figure.kind.value,
        "unit": figure.unit,
        "before": scalar(figure.before),
        "note": figure.note,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "type": "table",
        "name": table.name,
        "title": table.title,
        "columns": [
            {
                "name": column.name,
                "title": column.title,
                "kind": column.kind.value,
                "unit": column.unit,
            }
            for column in table.columns
        ],
        "rows": [list(map(scalar, row)) for row in table.rows],
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "type": "chart",
        "name": chart.name,
        "title": chart.title,
        "alternative": chart.alternative,
        "kind": chart.kind.value,
        "value_kind": chart.value_kind.value,
        "unit": chart.unit,
        "x": list(map(scalar, chart.x)),
        "series": [
            {"name": one.name, "values": list(map(scalar, one.values))} for one in chart.series
        ],
    }


def _findings(block: Findings) -> dict[str, Any]:
    return {
        "type": "findings",
        "findings": [
            {
                "id": one.id,
                "title": one.title,
                "status": one.status.value,
                "observations": list(one.observations),
            }
            for one in block.findings
        ],
    }
