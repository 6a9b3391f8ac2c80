"""Charts, drawn here: as SVG over times, as bars beside texts.

A line or column chart is some hundred lines of SVG; the libraries that draw Vega-Lite take 0.1 s for
each and 80 MB. Names of series and categories are never drawn into the SVG: the document sets them,
in any script.
"""

from chimera_assets.reports.rendering.charts.bars import Bar, BarRow, bar_rows
from chimera_assets.reports.rendering.charts.colours import LIGHT, PRINT_STYLE, swatch
from chimera_assets.reports.rendering.charts.over_time import svg

__all__ = ["LIGHT", "PRINT_STYLE", "Bar", "BarRow", "bar_rows", "svg", "swatch"]
