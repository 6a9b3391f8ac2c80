"""Charts, drawn here: as SVG over times, as bars beside texts.

Lines and columns are some hundred lines of code; the libraries that draw Vega-Lite take 0.1 s for
each chart and 80 MB. Names of series and categories are never drawn into the SVG: the document sets
them, in any script.
"""

from chimera_assets.reports.rendering.charts.bars import Bar, BarRow, bar_rows
from chimera_assets.reports.rendering.charts.colours import DARK, LIGHT, PRINT_STYLE, style, swatch
from chimera_assets.reports.rendering.charts.over_time import svg

__all__ = ["DARK", "LIGHT", "PRINT_STYLE", "Bar", "BarRow", "bar_rows", "style", "svg", "swatch"]
