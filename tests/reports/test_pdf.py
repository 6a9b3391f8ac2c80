"""The PDF is an archive's, readable by all, carries its data, and is the same each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.reports.document import (
    Column,
    Finding,
    Findings,
    Paragraph,
    Section,
    Status,
    Table,
)
from chimera_assets.reports.rendering import pdf as made_by
from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.pdf import pdf_bytes
from tests.reports.weekly_usage import TENANTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.reports.document import Document

ROOT = Path(__file__).parents[2]

#: Prints the digests of all files of a report.
ALL_FILES = """
from hashlib import sha256
from chimera_assets.reports.rendering import rendered
from tests.reports.weekly_usage import weekly_usage
for name, content in rendered(weekly_usage(rows=60)).items():
    print(name, sha256(content).hexdigest())
"""


@pytest.fixture(scope="module")
def pdf(weekly: Document) -> bytes:
    return pdf_bytes(weekly, json_bytes(weekly))


def test_it_is_pdf_a_3a_and_pdf_ua_1_and_says_what_it_is(pdf: bytes) -> None:
    metadata = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", pdf, re.DOTALL)
    assert metadata is not None
    said = metadata[0].decode()
    claims = re.findall(r"<(pdf\w+:\w+)>(\w+)<", said)
    assert {
        ("pdfaid:part", "3"), ("pdfaid:conformance", "A"), ("pdfuaid:part", "1")
    } <= set(claims)  # fmt: skip
    assert "Usage and compliance summary" in said
    assert "2026-01-12T05:30:00" in said
    assert b"/StructTreeRoot" in pdf
    assert b"/Lang" in pdf


def test_report_json_is_attached_with_its_relationship(weekly: Document, pdf: bytes) -> None:
    complete = json_bytes(weekly)
    attached = [
        zlib.decompress(found[1])
        for found in re.finditer(
            rb"/Type ?/EmbeddedFile.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL
        )
    ]
    assert attached == [complete]
    assert re.search(rb"/AFRelationship ?/Data", pdf)
    assert b"report.json" in pdf
    assert b"canonical JSON" in pdf


def test_other_peoples_text_is_never_read_as_markup(with_blocks: Callable[..., Document]) -> None:
    hostile = '#panic("read") *bold* _it_ $x$ [a] \\ // <label> @ref = "quoted" ```raw``` ]}#{'
    made = with_blocks(
        Paragraph(f"{hostile}\n= {hostile}"),
        Findings((Finding(hostile, hostile, Status.satisfied, (hostile,)),)),
    )
    made = replace(made, sections=(Section("hostile", hostile, ()), *made.sections))

    headings = json.loads(made_by._compiler(made, b"{}").query("heading", field="body"))

    assert headings[0] == {"func": "text", "text": hostile}
    assert pdf_bytes(made, b"{}").startswith(b"%PDF-")


def test_all_names_of_tenants_are_printed(weekly: Document) -> None:
    parts = json.dumps(made_by._printed(weekly), ensure_ascii=False)

    for tenant in TENANTS[:-1]:
        assert json.dumps(tenant, ensure_ascii=False)[1:-1] in parts
    assert "ab[U+202E]cd[U+001B][2J" in parts
    assert "rows 1 to 200 of 230; all are in usage_by_tenant.csv" in parts


def test_tables_are_laid_out_by_what_stands_in_them(with_blocks: Callable[..., Document]) -> None:
    def laid_out(*cells: str) -> dict[str, Any]:
        columns = tuple(Column(f"c{at}", "Title") for at in range(len(cells)))
        block = Table("t", "T", columns, (cells,))
        return made_by._printed(with_blocks(block))["sections"][0]["blocks"][0]

    small, wide = laid_out("tenant", "3", "2026-01-05"), laid_out(*["a text of some length"] * 9)
    long, arabic = laid_out("tenant", "word " * 40), laid_out("\ufdfd" * 8, "a")

    assert (small["wide"], small["widths"]) == (False, [None, None, 10])
    assert small["height"] == pytest.approx(13.7, abs=0.1)
    assert (wide["wide"], wide["height"]) == (True, None)
    assert (long["wide"], long["height"], long["widths"]) == (False, None, [None, 80])
    assert arabic["height"] is None  # a character as wide as ten


def test_long_headings_wrap_and_leave_a_table_room_for_what_stands_in_it(
    with_blocks: Callable[..., Document],
) -> None:
    name, heading = "a name of some length", "Minutes until they were published"
    columns = (Column("name", "Stream"), *(Column(f"c{at}", heading) for at in range(7)))
    block = Table("t", "T", columns, ((name, *["1,234"] * 7),))
    laid_out = made_by._printed(with_blocks(block))["sections"][0]["blocks"][0]
    first, *others = laid_out["widths"]
    assert (first >= len(name) + 3, others) == (True, [len("published") + 3] * 7)


def test_a_word_without_a_break_keeps_its_column_beside_long_texts(
    with_blocks: Callable[..., Document],
) -> None:
    key, words = "h-42-2026112620-113", "raw 14, staged 12 and many others " * 3
    columns = tuple(Column(f"c{at}", "Where it is from") for at in range(9))
    block = Table("t", "T", columns, (("provider_health", key, *[words] * 7),))
    widths = made_by._printed(with_blocks(block))["sections"][0]["blocks"][0]["widths"]
    characters = 187  # of a turned page
    for width, word in zip(widths, ("provider_health", key, *["staged"] * 7), strict=True):
        assert width / sum(widths) * characters >= len(word) + 2


def test_the_same_document_gives_the_same_bytes_in_every_process() -> None:
    def digests(**environment: str) -> str:
        command = [sys.executable, "-c", ALL_FILES]
        return subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True
        ).stdout.decode()

    one = digests(PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    other = digests(PYTHONHASHSEED="2", TZ="America/New_York", LC_ALL="C.UTF-8")

    assert one == other
    assert [line.split()[0] for line in one.splitlines()] == [
        "report.json", "report.pdf", "report.html", "report.xlsx",
        "usage_by_tenant.csv", "rules.csv", "incidents.csv",
    ]  # fmt: skip
