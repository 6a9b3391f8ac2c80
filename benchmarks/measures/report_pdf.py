"""A report's PDF of 30 pages, against typst's own time for the same rows and pictures.

Ours has cover, contents, heads and feet, tags for all readers and an attachment, and each text is
looked at for what no font can draw; the floor is one bare table and the same drawings.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.outcome import Goal, Outcome, alternated
from chimera_assets.reports.document import (
    Chart,
    ChartKind,
    Column,
    Document,
    Kind,
    Period,
    Producer,
    Section,
    Series,
    Table,
)
from chimera_assets.reports.rendering.charts import svg
from chimera_assets.reports.rendering.complete_json import json_bytes
from chimera_assets.reports.rendering.fonts import loaded
from chimera_assets.reports.rendering.packages import load
from chimera_assets.reports.rendering.pdf import pdf_bytes

if TYPE_CHECKING:
    from pathlib import Path

#: With 12 charts, 30 pages.
ROWS = 1_200

_CHARTS = 12
_START = datetime(2026, 1, 5, tzinfo=UTC)
_HOURS = tuple(_START + timedelta(hours=hour) for hour in range(168))
_COLUMNS = (
    Column("tenant", "Tenant"),
    Column("hour", "Hour", Kind.time),
    Column("requests", "Requests", Kind.number),
    Column("cost", "Cost", Kind.money, "USD"),
)

_BARE = b"""
#set text(font: "Noto Sans")
#let given = json(bytes(sys.inputs.given))
#table(columns: 4, ..given.rows.flatten())
#for picture in given.pictures { image(bytes(picture), format: "svg") }
"""


def measure(rows: int, home: Path) -> Outcome:  # noqa: ARG001 - nothing is written
    """Make the PDF, each time with another figure in it, so that nothing is remembered."""
    typst, pages = load("typst"), 0

    def ours(number: int) -> None:
        nonlocal pages
        document = _document(rows, number)
        made = pdf_bytes(document, json_bytes(document))
        pages = made.count(b"/Type/Page/")

    def floor(number: int) -> None:
        document = _document(rows, number)
        given = {
            "rows": [list(map(str, row)) for row in next(document.tables()).rows],
            "pictures": [svg(one) for one in document.blocks() if isinstance(one, Chart)],
        }
        inputs = {"given": json.dumps(given)}
        typst.compile(_BARE, font_paths=loaded(), format="pdf", sys_inputs=inputs)

    outcome = alternated(rows, ours, floor, at_least=0.4, rounds=5)
    outcome.goals = (*outcome.goals, Goal("seconds", 0.5), Goal("peak_mb", 400))
    outcome.peer = f"typst {typst.__version__}"
    outcome.details["pages"] = pages
    return outcome


def _document(rows: int, number: int) -> Document:
    cells = tuple(
        (f"tenant {row % 97}", _START + timedelta(minutes=row), row * 31 + number, Decimal(row) / 8)
        for row in range(rows)
    )
    series = [
        Series(f"provider {at}", tuple((hour * at + number) % 1000 for hour in range(168)))
        for at in range(1, 4)
    ]
    charts = tuple(
        Chart(f"chart_{at}", f"Chart {at}", "Waves.", ChartKind.line, _HOURS, tuple(series))
        for at in range(_CHARTS)
    )
    table = Table("usage", "Usage", _COLUMNS, cells, shown=rows)
    return Document(
        title="Usage",
        subtitle="All providers",
        id="usage",
        revision=1,
        period=Period(_START, _START + timedelta(days=7), "weekly"),
        time_zone="UTC",
        tenant=None,
        generated_at=_START + timedelta(days=7),
        producer=Producer("benchmark", "1"),
        sections=(Section("usage", "Usage", (*charts, table)),),
    )
