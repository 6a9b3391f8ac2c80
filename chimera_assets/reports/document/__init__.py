"""A report as one value in memory: what it says, nothing of how it looks.

Whoever builds a report puts its figures in here; `rendering` makes files from it. All values are
shown for people (`rendering/people.py`) and written for machines (`rendering/machines.py`) by one
rule each, so that no file says anything that another one does not.
"""

from chimera_assets.reports.document.blocks import (
    Block,
    Figure,
    Figures,
    Finding,
    Findings,
    Paragraph,
)
from chimera_assets.reports.document.charts import Chart, ChartKind, Series
from chimera_assets.reports.document.checks import DocumentError
from chimera_assets.reports.document.report import Document, Period, Producer, Section
from chimera_assets.reports.document.tables import Column, Table
from chimera_assets.reports.document.values import Alignment, Kind, Status, Value

__all__ = [
    "Alignment",
    "Block",
    "Chart",
    "ChartKind",
    "Column",
    "Document",
    "DocumentError",
    "Figure",
    "Figures",
    "Finding",
    "Findings",
    "Kind",
    "Paragraph",
    "Period",
    "Producer",
    "Section",
    "Series",
    "Status",
    "Table",
    "Value",
]
