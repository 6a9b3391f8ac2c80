"""What PDF and HTML show: all texts of a document as people read them, in the order of the pages.

Both are made from this one value, so that they cannot say different things.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from chimera_assets.errors import counted
from chimera_assets.reports.document import (
    Chart,
    Figures,
    Findings,
    Kind,
    Paragraph,
    Status,
    Table,
)
from chimera_assets.reports.rendering.charts import bar_rows, svg, swatch
from chimera_assets.reports.rendering.people import change, decimals, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.reports.document import (
        Block,
        Column,
        Document,
        Figure,
        Finding,
        Section,
        Value,
    )

#: Plain values, as JSON has them.
Parts: TypeAlias = dict[str, Any]

_EMPTY_LINE = re.compile(r"\n[ \t]*\n\s*")


class View:
    """The texts of a document.

    Args:
        document: The report.
        clean: Escapes what the output cannot show.
        style: Goes into the SVG of charts.
    """

    def __init__(self, document: Document, clean: Callable[[str], str], style: str = "") -> None:
        self._document = document
        self._clean = clean
        self._style = style
        self._numbers: dict[str, Iterator[int]] = {"Table": count(1), "Chart": count(1)}

    def parts(self) -> Parts:
        """All of it."""
        document = self._document
        return {
            "language": document.language,
            "title": self._line(document.title),
            "subtitle": self._line(document.subtitle),
            "id": self._line(document.id),
            "revision": document.revision,
            "producer": self._line(f"{document.producer.name} {document.producer.version}"),
            "period": self._line(_period(document)),
            "facts": [list(map(self._line, fact)) for fact in facts(document)],
            "notes": list(map(self._line, document.notes)),
            "sections": list(map(self._section, document.sections)),
        }

    def _section(self, section: Section) -> Parts:
        return {
            "id": self._line(section.id),
            "title": self._line(section.title),
            "status": section.status and section.status.value,
            "intro": self._paragraphs(section.intro),
            "blocks": list(map(self._block, section.blocks)),
        }

    def _block(self, block: Block) -> Parts:
        if isinstance(block, Paragraph):
            return {"type": "paragraph", "paragraphs": self._paragraphs(block.text)}
        if isinstance(block, Figures):
            return {"type": "figures", "figures": list(map(self._figure, block.figures))}
        if isinstance(block, Table):
            return self._table(block)
        return self._chart(block) if isinstance(block, Chart) else self._findings(block)

    def _figure(self, figure: Figure) -> Parts:
        return {
            "label": self._line(figure.label),
            "value": self._line(shown(figure.value, figure.kind)),
            "unit": self._line(figure.unit) if figure.value is not None else "",
            "change": self._line(change(figure)),
            "note": self._line(figure.note),
        }

    def _table(self, table: Table) -> Parts:
        rows = table.rows[: table.shown]
        columns = [
            self._cells(column, [row[at] for row in rows])
            for at, column in enumerate(table.columns)
        ]
        return {
            "type": "table",
            "anchor": f"table-{table.name}",
            "label": f"Table {next(self._numbers['Table'])}",
            "title": self._line(table.title),
            "columns": [self._heading(column) for column in table.columns],
            "rows": list(map(list, zip(*columns, strict=True))),
            "note": _extent(table),
        }

    def _heading(self, column: Column) -> Parts:
        title = f"{column.title} ({column.unit})" if column.unit else column.title
        return {"title": self._line(title), "side": column.side.value}

    def _cells(self, column: Column, values: list[Value]) -> list[str]:
        places = max((decimals(value, column.kind) for value in values), default=0)
        return [self._line(shown(value, column.kind, places=places)) for value in values]

    def _chart(self, chart: Chart) -> Parts:
        beside_texts = bool(chart.x) and isinstance(chart.x[0], str)
        some = any(amount is not None for one in chart.series for amount in one.values)
        return {
            "type": "chart",
            "anchor": f"chart-{chart.name}",
            "label": f"Chart {next(self._numbers['Chart'])}",
            "title": self._line(chart.title),
            "alternative": self._line(chart.alternative),
            "axis": self._line(_axis(chart)),
            "svg": svg(chart, self._style) if some and not beside_texts else None,
            "bars": self._bars(chart) if some and beside_texts else [],
            "legend": self._legend(chart) if some and len(chart.series) > 1 else [],
        }

    def _bars(self, chart: Chart) -> list[Parts]:
        return [
            {
                "label": self._line(row.label),
                "bars": [[bar.start, bar.width, bar.colour] for bar in row.bars],
                "amount": self._line(row.amount),
            }
            for row in bar_rows(chart)
        ]

    def _legend(self, chart: Chart) -> list[Parts]:
        return [
            {
                "swatch": swatch(number, chart.kind, self._style),
                "name": self._line(one.name),
            }
            for number, one in enumerate(chart.series)
        ]

    def _findings(self, block: Findings) -> Parts:
        counts = {
            status.value: sum(one.status is status for one in block.findings) for status in Status
        }
        return {
            "type": "findings",
            "summary": ", ".join(f"{number:,} {status}" for status, number in counts.items()),
            "findings": list(map(self._finding, block.findings)),
        }

    def _finding(self, finding: Finding) -> Parts:
        return {
            "id": self._line(finding.id),
            "title": self._line(finding.title),
            "status": finding.status.value,
            "observations": list(map(self._line, finding.observations)),
        }

    def _line(self, text: str) -> str:
        return self._clean(text)

    def _paragraphs(self, text: str) -> list[list[str]]:
        """Paragraphs of lines."""
        paragraphs = _EMPTY_LINE.split(text.replace("\r\n", "\n").strip())
        return [list(map(self._clean, one.split("\n"))) for one in paragraphs if one]


def facts(document: Document) -> Iterator[tuple[str, str]]:
    """What the cover says: names and values."""
    yield "Period", f"{_period(document)}, {document.period.label}"
    yield "Tenant", "all tenants" if document.tenant is None else document.tenant
    for name, value in document.filters.items():
        yield f"Filter: {name}", value
    if not document.filters:
        yield "Filters", "none"
    yield "Time zone", f"{document.time_zone} for days and weeks; times are shown in UTC"
    yield "Report", document.id
    yield "Revision", str(document.revision)
    yield "Generated", shown(document.generated_at, Kind.time)
    yield "Produced by", f"{document.producer.name} {document.producer.version}"


def _period(document: Document) -> str:
    period = document.period
    return f"{shown(period.start, Kind.time)} until {shown(period.end, Kind.time)}"


def _extent(table: Table) -> str:
    total = len(table.rows)
    if total <= table.shown:
        return counted(total, "row") if total else "no rows"
    shown_rows = f"rows 1 to {table.shown:,} of {total:,}" if table.shown else f"{total:,} rows"
    return f"{shown_rows}; all are in {table.name}.csv"


def _axis(chart: Chart) -> str:
    """What is drawn against what, in words: units, and that times are UTC."""
    unit = "share" if chart.value_kind is Kind.share else chart.unit
    times = "" if not chart.x or isinstance(chart.x[0], str) else "UTC"
    return ", ".join(filter(None, (unit, times)))
