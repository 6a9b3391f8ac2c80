"""`report.pdf`: PDF/A-3a and PDF/UA-1 by typst, with `report.json` attached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.document import Alignment
from chimera_assets.reports.rendering.charts import LIGHT, PRINT_STYLE
from chimera_assets.reports.rendering.fonts import drawable, families, loaded
from chimera_assets.reports.rendering.packages import load
from chimera_assets.reports.rendering.view import View

if TYPE_CHECKING:
    from chimera_assets.reports.document import Document
    from chimera_assets.reports.rendering.view import Parts

STANDARDS = ("a-3a", "ua-1")

_TEMPLATE = Path(__file__).with_name("report.typ")

#: Of a table: so many characters in a line at a size in points; beyond the last, pages are turned.
_SIZES = ((100, 8.5), (124, 7.5))
_TURNED = 7.5
#: In characters: the gap between columns, the least and the most that a column asks for, and what
#: wraps rather than having the page turned.
_GAP, _LEAST, _MOST, _WRAPPED = 3, 4, 80, 30


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
    return made


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
                block.update(_layout(block))
    return parts | {"fonts": list(families()), "colours": list(LIGHT)}


def _layout(table: Parts) -> Parts:
    """In what size a table is set, and how wide its columns are."""
    lengths = [
        max(_longest_word(column["title"]), *(len(row[at]) for row in table["rows"]), _LEAST)
        for at, column in enumerate(table["columns"])
    ]
    needed = sum(min(length, _WRAPPED) + _GAP for length in lengths)
    size = next((size for most, size in _SIZES if needed <= most), None)
    return {"size": size or _TURNED, "wide": size is None, "widths": _widths(table, lengths)}


def _widths(table: Parts, lengths: list[int]) -> list[int | None]:
    """What a column has of the width that is left; None for one that is as wide as its cells."""
    texts = [
        (length, at)
        for at, (column, length) in enumerate(zip(table["columns"], lengths, strict=True))
        if column["side"] == Alignment.left
    ]
    longest = max(texts, default=(0, 0))[1]
    return [
        min(length, _MOST) if length > _WRAPPED or at == longest else None
        for at, length in enumerate(lengths)
    ]


def _longest_word(title: str) -> int:
    return max(map(len, title.split()), default=0)
