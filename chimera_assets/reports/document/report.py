"""A report as a whole, and its chapters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera_assets.reports.document.charts import Chart
from chimera_assets.reports.document.checks import DocumentError, in_utc, unique
from chimera_assets.reports.document.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from chimera_assets.reports.document.blocks import Block
    from chimera_assets.reports.document.values import Status


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the report; its status is None where nothing is judged."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    status: Status | None = None
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """From when, until when (UTC, not included), and what such a period is called: `weekly`."""

    start: datetime
    end: datetime
    label: str

    def __post_init__(self) -> None:
        for name, time in (("start", self.start), ("end", self.end)):
            in_utc(f"period, {name}", time)
        if self.start >= self.end:
            raise DocumentError("period", expected="an end after its start", found=self.end)


@dataclass(frozen=True, slots=True)
class Producer:
    """What made the report, by name and version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Args:
        title: What it is.
        subtitle: Of what.
        id: By which the report is found again, in all its revisions.
        revision: From 1 on; a late hour makes the next.
        period: What it covers.
        time_zone: In which days and weeks were counted; times are shown in UTC.
        tenant: Whose it is; None for all tenants.
        generated_at: When it was built, UTC.
        producer: What built it.
        sections: The chapters.
        filters: By what its rows were chosen, name and value in words.
        notes: What nobody may overlook: a missing hour.
        language: Of its texts, by two letters (ISO 639).
    """

    title: str
    subtitle: str
    id: str
    revision: int
    period: Period
    time_zone: str
    tenant: str | None
    generated_at: datetime
    producer: Producer
    sections: tuple[Section, ...]
    filters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    language: str = "en"

    def __post_init__(self) -> None:
        where = f"report {self.id}"
        in_utc(f"{where}, generated_at", self.generated_at)
        if not re.fullmatch("[a-z]{2,3}", self.language):
            raise DocumentError(where, expected="a language as en", found=repr(self.language))
        if not self.title.strip():
            raise DocumentError(where, expected="a title", found="none")
        unique(where, "sections", (section.id for section in self.sections))
        unique(where, "tables", (table.name for table in self.tables()))
        unique(where, "charts", (one.name for one in self.blocks() if isinstance(one, Chart)))

    def blocks(self) -> Iterator[Block]:
        """All blocks of all sections, in order."""
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> Iterator[Table]:
        """All tables, in order."""
        return (block for block in self.blocks() if isinstance(block, Table))
