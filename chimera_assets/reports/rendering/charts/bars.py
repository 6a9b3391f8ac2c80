"""Bars beside texts: how long they are; the document sets text, bar and amount in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.reports.document import ChartKind
from chimera_assets.reports.rendering.charts.colours import colour
from chimera_assets.reports.rendering.charts.scales import scale
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
    axis = scale(amounts, from_zero=True)
    rows = []
    for at, label in enumerate(map(str, chart.x)):
        for number, series in enumerate(chart.series):
            amount = series.values[at]
            ends = sorted((axis.share(0.0), axis.share(float(amount or 0))))
            bar = Bar(*_percent(ends[0], ends[1]), colour(number))
            rows.append(BarRow("" if number else label, (bar,), _amount(chart, amount)))
    return rows


def _stacked(chart: Chart) -> list[BarRow]:
    totals = [
        sum((one or 0 for one in amounts), start=0)  # type: ignore[misc]
        for amounts in zip(*(series.values for series in chart.series), strict=True)
    ]
    axis = scale(list(map(float, totals)), from_zero=True)
    rows = []
    for at, (label, total) in enumerate(zip(map(str, chart.x), totals, strict=True)):
        below, bars = 0.0, []
        for number, series in enumerate(chart.series):
            above = below + float(series.values[at] or 0)
            bars.append(Bar(*_percent(axis.share(below), axis.share(above)), colour(number)))
            below = above
        rows.append(BarRow(label, tuple(bars), _amount(chart, total)))
    return rows


def _percent(start: float, end: float) -> tuple[float, float]:
    return round(start * 100, 3), round((end - start) * 100, 3)


def _amount(chart: Chart, amount: Amount) -> str:
    return with_unit(amount, chart.value_kind, chart.unit)
