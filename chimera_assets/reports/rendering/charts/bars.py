"""Bars beside texts: how long they are; the document sets text, bar and amount in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.reports.document import ChartKind
from chimera_assets.reports.rendering.charts.colours import colour
from chimera_assets.reports.rendering.people import with_unit

if TYPE_CHECKING:
    from chimera_assets.reports.document import Chart
    from chimera_assets.reports.document.charts import Amount


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, in percent of the whole width, with the number of its colour."""

    start: float
    width: float
    colour: int


@dataclass(frozen=True, slots=True)
class BarRow:
    """Bars on one line, and the amount that stands behind them; only the first has the label."""

    label: str
    bars: tuple[Bar, ...]
    amount: str


def bar_rows(chart: Chart) -> list[BarRow]:
    """The lines of a chart over texts: one for each, or for each and every series."""
    if chart.kind is ChartKind.stacked:
        return _stacked(chart)
    amounts = [float(one) for series in chart.series for one in series.values if one is not None]
    low, high = min(0.0, *amounts), max(0.0, *amounts)
    whole = (high - low) or 1.0
    rows = []
    for at, label in enumerate(map(str, chart.x)):
        for number, series in enumerate(chart.series):
            amount = series.values[at]
            start, end = sorted((0.0, float(amount or 0)))
            bar = Bar(_percent(start - low, whole), _percent(end - start, whole), colour(number))
            rows.append(BarRow("" if number else label, (bar,), _amount(chart, amount)))
    return rows


def _stacked(chart: Chart) -> list[BarRow]:
    totals = [
        sum(one or 0 for one in amounts)
        for amounts in zip(*(series.values for series in chart.series), strict=True)
    ]
    whole = float(max(totals)) or 1.0
    rows = []
    for at, (label, total) in enumerate(zip(map(str, chart.x), totals, strict=True)):
        below, bars = 0.0, []
        for number, series in enumerate(chart.series):
            amount = float(series.values[at] or 0)
            bars.append(Bar(_percent(below, whole), _percent(amount, whole), colour(number)))
            below += amount
        rows.append(BarRow(label, tuple(bars), _amount(chart, total)))
    return rows


def _percent(part: float, whole: float) -> float:
    return round(part / whole * 100, 3)


def _amount(chart: Chart, amount: Amount) -> str:
    return with_unit(amount, chart.value_kind, chart.unit)
