"""What a section is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from chimera_assets.reports.document.charts import Chart
from chimera_assets.reports.document.tables import Table
from chimera_assets.reports.document.values import Kind

if TYPE_CHECKING:
    from chimera_assets.reports.document.values import Status, Value


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; an empty line parts paragraphs."""

    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that matters.

    Args:
        label: What it counts.
        value: The figure.
        kind: How it is shown.
        unit: Of the value: `USD`, `ms`, `requests`.
        before: The same figure of the period before; None if there is none.
        note: What has to be known with it.
    """

    label: str
    value: Value
    kind: Kind = Kind.number
    unit: str = ""
    before: Value = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures that are read together."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the evidence says of one requirement, and what was observed."""

    id: str
    title: str
    status: Status
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings that belong together."""

    findings: tuple[Finding, ...]


Block: TypeAlias = Paragraph | Figures | Table | Chart | Findings
