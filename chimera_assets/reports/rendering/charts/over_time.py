"""Lines and columns over times, as SVG whose colours are classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.reports.document import ChartKind
from chimera_assets.reports.rendering.charts.colours import colour, dash
from chimera_assets.reports.rendering.charts.scales import (
    Scale,
    as_time,
    scale,
    time_labels,
    time_marks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from chimera_assets.reports.document import Chart, Series

_WIDTH, _HEIGHT = 680, 230
_TOP, _RIGHT, _BOTTOM = 10, 14, 24
_DIGIT = 6.4
_MOST_LABELS = 10
_FILLED = 0.76


@dataclass(frozen=True, slots=True)
class _Frame:
    """The area that is drawn in, and where amounts stand in it."""

    chart: Chart
    times: tuple[datetime, ...]
    scale: Scale
    left: float

    @property
    def width(self) -> float:
        return _WIDTH - _RIGHT - self.left

    def y(self, amount: float) -> float:
        return _TOP + (1 - self.scale.share(amount)) * (_HEIGHT - _TOP - _BOTTOM)

    def x(self, time: datetime) -> float:
        whole = self.times[-1] - self.times[0]
        return self.left + self.width * ((time - self.times[0]) / whole if whole else 0.5)

    def slot(self, number: int) -> float:
        """The middle of a column."""
        return self.left + self.width * (number + 0.5) / len(self.times)


def svg(chart: Chart, style: str = "") -> str:
    """The chart as SVG.

    Args:
        chart: One whose x are times or dates, at least one.
        style: Goes into it, where no style sheet stands around it.
    """
    lines = chart.kind is ChartKind.line
    axis = scale(list(_heights(chart)), from_zero=not lines)
    labels = [axis.label(mark, chart.value_kind) for mark in axis.marks]
    times = tuple(as_time(x) for x in chart.x if not isinstance(x, str))
    frame = _Frame(chart, times, axis, _DIGIT * max(map(len, labels)) + 10)
    drawn = (
        *_amounts(frame, labels),
        *(_lines(frame) if lines else _columns(frame)),
        *_times(frame),
    )
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{style}{"".join(drawn)}</svg>'


def _heights(chart: Chart) -> Iterator[float]:
    if chart.kind is ChartKind.stacked:
        for amounts in zip(*(one.values for one in chart.series), strict=True):
            yield float(sum(amount or 0 for amount in amounts))
    else:
        for one in chart.series:
            yield from (float(amount) for amount in one.values if amount is not None)


def _amounts(frame: _Frame, labels: Sequence[str]) -> Iterator[str]:
    for mark, label in zip(frame.scale.marks, labels, strict=True):
        y = frame.y(mark)
        name = "axis" if mark == 0 else "grid"
        yield f'<path class="{name}" d="M{frame.left:.1f} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        yield _text(frame.left - 7, y + 4, "end", label)


def _times(frame: _Frame) -> Iterator[str]:
    if frame.chart.kind is ChartKind.line:
        marks = time_marks(frame.times[0], frame.times[-1]) or list(frame.times[:1])
        places = list(map(frame.x, marks))
    else:
        every = -(-len(frame.times) // _MOST_LABELS)
        marks = list(frame.times[::every])
        places = [frame.slot(at) for at in range(0, len(frame.times), every)]
    for place, label in zip(places, time_labels(marks), strict=True):
        yield f'<path class="axis" d="M{place:.1f} {_HEIGHT - _BOTTOM}v4"/>'
        yield _text(place, _HEIGHT - 6, "middle", label)


def _lines(frame: _Frame) -> Iterator[str]:
    for number, one in enumerate(frame.chart.series):
        path, alone = _path(frame, one)
        yield f'<path class="line s{colour(number)}"{dash(number)} d="{path}"/>'
        for x, y in alone:
            yield f'<circle class="f{colour(number)}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>'


def _path(frame: _Frame, series: Series) -> tuple[str, list[tuple[float, float]]]:
    """The line, interrupted where there is no amount, and points that have none beside them."""
    runs: list[list[tuple[float, float]]] = [[]]
    for time, amount in zip(frame.times, series.values, strict=True):
        if amount is None:
            runs.append([])
        else:
            runs[-1].append((frame.x(time), frame.y(float(amount))))
    path = "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run) for run in runs if len(run) > 1
    )
    return path, [run[0] for run in runs if len(run) == 1]


def _columns(frame: _Frame) -> Iterator[str]:
    stacked = frame.chart.kind is ChartKind.stacked
    band = frame.width / len(frame.times) * _FILLED
    width = band if stacked else band / len(frame.chart.series)
    for at in range(len(frame.times)):
        below = 0.0
        for number, one in enumerate(frame.chart.series):
            amount = float(one.values[at] or 0)
            x = frame.slot(at) - band / 2 + (0 if stacked else width * number)
            ends = sorted((frame.y(below), frame.y(below + amount)))
            if amount:
                yield _column(number, x, width, ends)
            below += amount if stacked else 0


def _column(number: int, x: float, width: float, ends: list[float]) -> str:
    box = f'x="{x:.1f}" y="{ends[0]:.1f}" width="{width:.1f}" height="{ends[1] - ends[0]:.1f}"'
    return f'<rect class="f{colour(number)}" {box}/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
