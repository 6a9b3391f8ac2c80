"""What the sections of one report are made of, and what they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.reports.missing_hours import MissingHours, missing_hours
from chimera_assets.reports.queries import Scope
from chimera_assets.reports.table_streams import streams_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from chimera_assets.audit.log import AuditLog
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.reports.answers import TableRead
    from chimera_assets.reports.document import Section
    from chimera_assets.reports.periods import ReportPeriod
    from chimera_assets.reports.queries import PeriodTables
    from chimera_assets.runs.job_runs import RunsWithin


@dataclass(frozen=True)
class Inputs:
    """What a report is made of.

    Attributes:
        lake: The lake.
        contracts: The contracts of the streams that run, by stream.
        period: The period.
        tenant: The one tenant whose report it is; None for all.
        built_at: When it is built; nothing below asks the clock.
        tables: The tables that queries see, each in one version.
        audit: The audit log; None where there is none.
        runs: What gives the runs of Dagster's jobs; None where it is not asked.
        lineages: What the models' columns are made of.
    """

    lake: Lake
    contracts: Mapping[str, Contract]
    period: ReportPeriod
    tenant: str | None
    built_at: datetime
    tables: PeriodTables
    audit: AuditLog | None = None
    runs: RunsWithin | None = None
    lineages: Lineages = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """The rows of the period."""
        return Scope(self.period.hours, self.tenant)

    @property
    def scope_before(self) -> Scope:
        """The rows of the period before."""
        return Scope(self.period.before, self.tenant)

    @cached_property
    def missing(self) -> MissingHours:
        """The hours of the period that the report lacks.

        Raises:
            ChimeraError: The accounts of hours, or a stream's log, cannot be read.
        """
        return missing_hours(self.tables, self.contracts, self.period.hours, self.built_at)

    @cached_property
    def missing_before(self) -> MissingHours:
        """The hours that it lacks of the period before.

        Raises:
            ChimeraError: The accounts of hours, or a stream's log, cannot be read.
        """
        return missing_hours(self.tables, self.contracts, self.period.before, self.built_at)

    def lacking(self, tables: Collection[str], *, before: bool = False) -> tuple[str, ...]:
        """What is not there of the streams that tables are made of, a sentence each.

        Args:
            tables: Layer and name of each.
            before: Whether of the period before.
        """
        if not tables:
            return ()
        try:
            missing = self.missing_before if before else self.missing
        except ChimeraError as error:
            return (f"whether hours are missing could not be told: {error}.",)
        return missing.notes(streams_of(self.lineages, tables))


@dataclass(frozen=True, slots=True)
class Source:
    """What figures or a table were computed from.

    Attributes:
        name: What the figure or table is called, unique in its section.
        metric: What it measures, in words.
        query: The SQL, or in words what was done.
        read: The tables, each in its version.
    """

    name: str
    metric: str
    query: str
    read: tuple[TableRead, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltSection:
    """A section, and where each of its blocks is from.

    Attributes:
        section: The section.
        sources: For each figure and table, by its place below the section in `report.json`
            (`/blocks/0/figures/2`, `/blocks/3`), what it was computed from.
    """

    section: Section
    sources: Mapping[str, Source] = field(default_factory=dict)
