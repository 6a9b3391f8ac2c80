"""`report.xlsx`: a sheet that says what report it is, and one or more for each table."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.document import Alignment, Kind
from chimera_assets.reports.rendering.cells import Cells, Formats
from chimera_assets.reports.rendering.fonts import visible
from chimera_assets.reports.rendering.packages import load
from chimera_assets.reports.rendering.view import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.reports.document import Column, Document, Table, Value

#: Rows of a sheet below its heading; a longer table goes on in the next sheet.
SHEET_ROWS = 2**20 - 1

_NAME = 31
_ABOUT = "About"
#: Excel keeps this name for itself.
_RESERVED = {"history", _ABOUT.lower()}
_NARROW, _WIDE, _MEASURED = 9, 60, 200


def xlsx_bytes(document: Document) -> bytes:
    """The tables of the document, whole, as a workbook without a formula.

    Raises:
        MissingPackageError: XlsxWriter is not installed.
    """
    file = io.BytesIO()
    book = load("xlsxwriter").Workbook(
        file,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
    )
    book.set_properties(
        {
            "title": visible(document.title),
            "subject": visible(document.subtitle),
            "author": visible(f"{document.producer.name} {document.producer.version}"),
            "created": document.generated_at.replace(tzinfo=None),
        }
    )
    formats = Formats(book)
    parts = list(_parts(document))
    _about(book.add_worksheet(_ABOUT), formats, document, parts)
    for part in parts:
        _sheet(book.add_worksheet(part.name), formats, part)
    book.close()
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class _Part:
    """What a sheet holds of a table: its rows from the first one on, as far as there is room."""

    name: str
    table: Table
    first: int

    def rows(self) -> tuple[tuple[Value, ...], ...]:
        return self.table.rows[self.first : self.first + SHEET_ROWS]


def _parts(document: Document) -> Iterator[_Part]:
    taken = set(_RESERVED)
    for table in document.tables():
        for first in range(0, max(len(table.rows), 1), SHEET_ROWS):
            yield _Part(_free_name(table.name, taken), table, first)


def _free_name(name: str, taken: set[str]) -> str:
    """The name as a sheet may have it, with a number if another one has it already."""
    free, number = name[:_NAME], 1
    while free.lower() in taken:
        number += 1
        ending = f" {number}"
        free = name[: _NAME - len(ending)] + ending
    taken.add(free.lower())
    return free


def _about(sheet: Any, formats: Formats, document: Document, parts: list[_Part]) -> None:  # noqa: ANN401
    sheets: list[tuple[str, ...]] = [
        (part.name, part.table.title, f"{len(part.rows()):,}") for part in parts
    ]
    lines: list[tuple[str, ...]] = [
        (document.title,),
        (document.subtitle,),
        *facts(document),
        *(("Not to be overlooked", note) for note in document.notes),
        ("Sheet", "Table", "Rows"),
    ]
    cells = Cells(sheet, formats, "report.json")
    for at, line in enumerate(lines + sheets):
        form = formats.heading if at in {0, len(lines) - 1} else formats.text
        for column, words in enumerate(line):
            cells.write_text((at, column), words, form)
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 90)


def _sheet(sheet: Any, formats: Formats, part: _Part) -> None:  # noqa: ANN401 - XlsxWriter's
    cells = Cells(sheet, formats, f"{part.table.name}.csv")
    columns, rows = part.table.columns, part.rows()
    for at, column in enumerate(columns):
        left = column.side is Alignment.left
        heading = _heading(column)
        cells.write_text((0, at), heading, formats.heading if left else formats.heading_right)
        longest = max((len(str(row[at])) for row in rows[:_MEASURED]), default=0)
        sheet.set_column(at, at, min(max(_NARROW, longest, len(heading)) + 2, _WIDE))
    for at, row in enumerate(rows, 1):
        for number, value in enumerate(row):
            cells.write((at, number), value, columns[number].kind)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)


def _heading(column: Column) -> str:
    units = ", ".join(filter(None, (column.unit, "UTC" if column.kind is Kind.time else "")))
    return f"{column.title} ({units})" if units else column.title
