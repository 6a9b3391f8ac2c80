"""How large a report may be: what is signed, its verifiers have to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.reports.document import DocumentError
from chimera_assets.reports.evidence.bundle_files import MOST_JSON_BYTES
from chimera_assets.reports.rendering.tables_csv import csv_bytes

if TYPE_CHECKING:
    from chimera_assets.reports.document import Document


def require_readable(document: Document, size: int) -> None:
    """Refuse a report whose `report.json` is larger than verifiers read.

    Raises:
        DocumentError: It is.
    """
    if size <= MOST_JSON_BYTES:
        return
    sizes = {table.name: len(csv_bytes(table)) for table in document.tables()}
    where, expected = f"report {document.id}", f"a report.json of at most {MOST_JSON_BYTES:,} bytes"
    found = f"{size:,}"
    if sizes:
        largest = max(sizes, key=lambda name: sizes[name])
        found += f"; the largest table is {largest}, let its SQL give fewer rows"
    raise DocumentError(where, expected=expected, found=found)
