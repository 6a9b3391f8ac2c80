"""`report.pdf`: PDF/A-3a and PDF/UA-1 by typst, with `report.json` attached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.rendering.charts import LIGHT, PRINT_STYLE
from chimera_assets.reports.rendering.fonts import drawable, families, loaded
from chimera_assets.reports.rendering.packages import load
from chimera_assets.reports.rendering.paper_tables import layout
from chimera_assets.reports.rendering.view import View

if TYPE_CHECKING:
    from chimera_assets.reports.document import Document
    from chimera_assets.reports.rendering.view import Parts

STANDARDS = ("a-3a", "ua-1")

_TEMPLATE = Path(__file__).with_name("report.typ")

_REMEMBERED = 10


def pdf_bytes(document: Document, complete: bytes) -> bytes:
    """The document as PDF.

    Args:
        document: The report.
        complete: `report.json`, which goes into the PDF as an attachment.

    Raises:
        MissingPackageError: typst or the fonts are not installed.
    """
    made: bytes = _compiler(document, complete).compile(
        format="pdf",
        pdf_standards=list(STANDARDS),
        timestamp=int(document.generated_at.timestamp()),
    )
    _forget()
    return made


def _forget() -> None:
    """Free what typst has worked out for the document, some 100 MB: it keeps that for ten more."""
    empty = load("typst").Compiler(font_paths=loaded())
    for _ in range(_REMEMBERED + 1):
        empty.compile(b"", format="pdf")


def _compiler(document: Document, complete: bytes) -> Any:  # noqa: ANN401 - typst's
    return load("typst").Compiler(
        _TEMPLATE.read_bytes(),
        font_paths=loaded(),
        sys_inputs={
            "report": json.dumps(_printed(document), ensure_ascii=False),
            "complete": complete.decode(),
        },
    )


def _printed(document: Document) -> Parts:
    parts = View(document, drawable, PRINT_STYLE).parts()
    for section in parts["sections"]:
        for block in section["blocks"]:
            if block["type"] == "table":
                block.update(layout(block))
    return parts | {"fonts": list(families()), "colours": list(LIGHT)}
