"""Colours of series: told apart by those who see few of them, and as lines also by their dashes."""

from __future__ import annotations

from chimera_assets.reports.document import ChartKind

#: On white, each with a contrast of 3:1 and more (WCAG 2.2, 1.4.11).
LIGHT = (
    "#2457c5", "#b45309", "#0f766e", "#be185d", "#6d28d9", "#475569", "#4d7c0f", "#0e7490",
)  # fmt: skip
#: The same on a dark ground.
DARK = (
    "#7aa5ff", "#f5a524", "#2dd4bf", "#f472b6", "#b79bff", "#a3b1c6", "#a3d65c", "#38bdf8",
)  # fmt: skip
_DASHES = ("", "6 3", "2 3", "9 3 2 3", "", "6 3", "2 3", "9 3 2 3")

_LINE, _BOX = 22, 10


def colour(number: int) -> int:
    """Which colour the series of that number has; beyond the last they begin again."""
    return number % len(LIGHT)


def dash(number: int) -> str:
    """The attribute by which lines of few colours differ, too."""
    pattern = _DASHES[colour(number)]
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def swatch(number: int, kind: ChartKind, css: str = "") -> str:
    """A small SVG that stands beside a series' name in the legend.

    Args:
        number: The series.
        kind: Of the chart.
        css: Goes into it, where no style sheet stands around it.
    """
    if kind is ChartKind.line:
        mark = f'<path class="line s{colour(number)}"{dash(number)} d="M0 5H{_LINE}"/>'
        return _svg(_LINE, css + mark)
    mark = f'<rect class="f{colour(number)}" width="{_BOX}" height="{_BOX}" rx="2"/>'
    return _svg(_BOX, css + mark)


def style(colours: tuple[str, ...], ink: str, grid: str) -> str:
    """CSS for the classes of the charts' SVG."""
    series = "".join(
        f".s{at}{{stroke:{one}}}.f{at}{{fill:{one}}}" for at, one in enumerate(colours)
    )
    return (
        f".tick{{fill:{ink};font-size:11px}}.grid{{stroke:{grid}}}.axis{{stroke:{ink}}}"
        f".line{{fill:none;stroke-width:1.8;stroke-linejoin:round}}{series}"
    )


def _svg(width: int, mark: str) -> str:
    box = f'width="{width}" height="10" viewBox="0 0 {width} 10"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} aria-hidden="true">{mark}</svg>'


#: For the SVG of a PDF, which has no style sheet around it.
PRINT_STYLE = (
    "<style>.tick{font-family:'Noto Sans'}" + style(LIGHT, "#5b6676", "#e3e7ee") + "</style>"
)
