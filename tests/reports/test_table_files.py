"""Tables as files: whole, exact, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import rfc8785

from chimera_assets.reports.document import Column, Kind, Table
from chimera_assets.reports.rendering import workbook
from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.tables_csv import csv_bytes
from chimera_assets.reports.rendering.workbook import xlsx_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from chimera_assets.reports.document import Document, Value

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LARGE = 9_007_199_254_740_993
TEXTS = (
    "plain", "", None, 'a "quoted" word', "two\r\nlines", "comma, here", "张伟", "\x1b[2J",
    "=1+1", " @SUM(A1)", "-2", "\t=x", "\uff1dx", "http://example.com/", "'already",
)  # fmt: skip


def one_column(values: tuple[Value, ...], kind: Kind = Kind.text, name: str = "t") -> Table:
    return Table(name, "T", (Column("value", "Value", kind),), tuple((one,) for one in values))


class Sheets:
    """A workbook read back: of each sheet its cells, by their places, with their types."""

    def __init__(self, content: bytes) -> None:
        self.archive = zipfile.ZipFile(io.BytesIO(content))
        book = self._xml("xl/workbook.xml")
        names = [str(sheet.get("name")) for sheet in book.iter(f"{MAIN}sheet")]
        shared = self._xml("xl/sharedStrings.xml")
        texts = ["".join(item.itertext()) for item in shared.iter(f"{MAIN}si")]
        self.cells = {
            name: self._cells(f"xl/worksheets/sheet{number}.xml", texts)
            for number, name in enumerate(names, 1)
        }

    def _xml(self, name: str) -> ET.Element:
        return ET.fromstring(self.archive.read(name))  # noqa: S314 - ours

    def _cells(self, name: str, texts: list[str]) -> dict[str, str | float | bool]:
        found: dict[str, str | float | bool] = {}
        for cell in self._xml(name).iter(f"{MAIN}c"):
            value = cell.findtext(f"{MAIN}v")
            assert cell.find(f"{MAIN}f") is None
            if value is not None:
                kind = cell.get("t", "n")
                place = str(cell.get("r"))
                found[place] = (
                    texts[int(value)]
                    if kind == "s"
                    else value == "1"
                    if kind == "b"
                    else float(value)
                )
        return found


def test_csv_is_what_every_reader_understands() -> None:
    content = csv_bytes(one_column(TEXTS))
    read = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))

    harmless = [
        f"'{text}" if text in {"=1+1", " @SUM(A1)", "-2", "\t=x", "\uff1dx"} else text or ""
        for text in TEXTS
    ]
    assert read == [["value"], *([text] for text in harmless)]
    assert content.count(b"\r\n") == len(TEXTS) + 2
    assert content.replace(b"\r\n", b"").count(b"\n") == 0


def test_csv_tells_an_empty_text_from_none_and_has_all_rows(weekly: Document) -> None:
    two = Table("t", "T", (Column("a", "A"), Column("b", "B")), (("", None), (None, "")))
    longest = next(weekly.tables())

    assert csv_bytes(two) == b'a,b\r\n"",\r\n,""\r\n'
    assert csv_bytes(longest).count(b"\r\n") == 231
    assert longest.shown < 230


def test_every_cent_is_in_every_file(with_blocks: Callable[..., Document]) -> None:
    amounts = tuple(
        Decimal(text) for text in ("0.1", "18234.5071", "123456789012345678.99", "-0.01")
    )
    document = with_blocks(one_column((*amounts, None), Kind.money))
    table = next(document.tables())

    lines = csv_bytes(table).decode().split("\r\n")[1:5]
    rows = json.loads(json_bytes(document))["sections"][0]["blocks"][0]["rows"]
    cells = Sheets(xlsx_bytes(document)).cells["t"]

    assert tuple(map(Decimal, lines)) == amounts
    assert [row[0] for row in rows] == [*map(str, amounts), None]
    assert [Decimal(str(cells[f"A{row}"])) for row in range(2, 6)] == list(amounts)
    assert cells["A4"] == "123456789012345678.99"  # a double would lose its cents


def test_a_workbook_has_types_and_no_formula(with_blocks: Callable[..., Document]) -> None:
    values: tuple[Value, ...] = (
        True, 1_284_031, LARGE, 0.25, float("nan"), date(2026, 1, 5),
        datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 5, 0, 0, 0, 1, tzinfo=UTC),
        date(1899, 12, 31), "x" * 40_000, *TEXTS,
    )  # fmt: skip
    read = Sheets(xlsx_bytes(with_blocks(one_column(values))))
    cells = [read.cells["t"].get(f"A{row}") for row in range(2, len(values) + 2)]

    assert cells[:9] == [
        True, 1_284_031.0, str(LARGE), 0.25, "NaN", 46_027.0, 46_027.5,
        "2026-01-05T00:00:00.000001Z", "1899-12-31",
    ]  # fmt: skip
    assert str(cells[9]).endswith("x … cut here; all of it is in t.csv")
    assert len(str(cells[9])) == 32_767
    # A reader of XML makes one line end of two characters; controls are shown by their numbers.
    shown = [text and text.replace("\x1b", "[U+001B]").replace("\t", "[U+0009]") for text in TEXTS]
    shown = [text and text.replace("\r\n", "[U+000D][U+000A]") for text in shown]
    assert cells[10:] == [text or None for text in shown]
    assert not [name for name in read.archive.namelist() if "hyperlink" in name.lower()]


def test_a_table_that_is_longer_than_a_sheet_goes_on_in_the_next(
    with_blocks: Callable[..., Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 4)
    long = f"a_table_with_a_name_of_{'many_' * 5}characters"
    tables = (
        one_column(tuple(range(10)), Kind.number, long),
        one_column((1,), Kind.number, f"{long}_too"),
        one_column((), Kind.number, "history"),
        one_column((), Kind.number, "about"),
    )
    read = Sheets(xlsx_bytes(with_blocks(*tables)))

    names = list(read.cells)
    assert names == [
        "About", long[:31], f"{long[:29]} 2", f"{long[:29]} 3", f"{long[:29]} 4",
        "history 2", "about 2",
    ]  # fmt: skip
    assert [read.cells[name].get("A2") for name in names[1:5]] == [0.0, 4.0, 8.0, 1.0]
    assert [len(read.cells[name]) for name in names[1:]] == [5, 5, 3, 2, 1, 1]
    listed = {
        (cells.get(f"A{row}"), cells.get(f"C{row}"))
        for cells in (read.cells["About"],)
        for row in range(1, 40)
    }
    assert {(long[:31], "4"), (f"{long[:29]} 3", "2"), ("history 2", "0")} <= listed


def test_report_json_is_canonical_and_complete(weekly: Document) -> None:
    content = json_bytes(weekly)
    read = json.loads(content)
    tables = [
        block
        for section in read["sections"]
        for block in section["blocks"]
        if block["type"] == "table"
    ]

    assert rfc8785.dumps(read) == content
    assert [len(table["rows"]) for table in tables] == [230, 200, 0]
    assert tables[0]["rows"][1] == [
        "Zoë & Söhne", "anthropic", "2026-01-05T00:07:01Z", 7919, 0.9975,
        284.1470984807896, "7.919",
    ]  # fmt: skip
    assert read["notes"] == list(weekly.notes)
    assert read["sections"][0]["blocks"][0]["figures"][4]["value"] == str(LARGE)
    assert json_bytes(replace(weekly, tenant="acme")) != content
