"""All files of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.pdf import pdf_bytes
from chimera_assets.reports.rendering.tables_csv import csv_bytes
from chimera_assets.reports.rendering.web_page import html_bytes
from chimera_assets.reports.rendering.workbook import xlsx_bytes

if TYPE_CHECKING:
    from chimera_assets.reports.document import Document


def rendered(document: Document) -> dict[str, bytes]:
    """The files of a report by their names: `report.pdf` and the like, and a CSV for each table.

    Raises:
        DocumentError: A text is no Unicode, or a value a time without a zone.
        MissingPackageError: The extra `reports` is not installed.
    """
    complete = json_bytes(document)
    return {
        "report.json": complete,
        "report.pdf": pdf_bytes(document, complete),
        "report.html": html_bytes(document),
        "report.xlsx": xlsx_bytes(document),
        **{f"{table.name}.csv": csv_bytes(table) for table in document.tables()},
    }
