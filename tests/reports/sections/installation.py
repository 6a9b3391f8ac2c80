"""A small installation whose figures are easily counted by hand.

Its hours are those of tomorrow, as a stream's lag counts from when its table was made: now.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange, floor_hour, partition_key
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.lake import Lake, open_lake
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.quality import stage_hours, stage_reference
from chimera_assets.reports import document as doc
from chimera_assets.reports.build import inputs_of
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import parse_period
from chimera_assets.reports.sections.own import OWN_SECTIONS
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from chimera_assets.sources.postgres import PostgresSource
from tests.acting import acting
from tests.site.site import Operational, generations

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.reports.inputs import BuiltSection, Inputs

START = floor_hour(datetime.now(UTC)).replace(hour=0) + timedelta(days=1)
DAY, TODAY = f"{START:%Y-%m-%d}", f"{START - timedelta(days=1):%Y-%m-%d}"
#: Two rows of hour 0 are wrong, one of hour 1, and so many of hour 3 that it is held back. Hour 2
#: and all from 4 on nobody has extracted. Hour 1 is published in time, hour 0 late.
ROWS, WRONG = 200, {0: 2, 1: 1, 3: 20}
SOON, LATE = START + timedelta(hours=2, minutes=5), START + timedelta(hours=4, minutes=10)
#: When reports are built: an hour after the day is over.
BUILT = START + timedelta(hours=25)


def hour(number: int) -> HourRange:
    return HourRange.single(START + timedelta(hours=number))


@dataclass(frozen=True)
class Installation:
    """The installation, and what its sections say."""

    home: Path
    lake: Lake
    source: Operational

    def context(self, now: datetime = BUILT, run_id: str = "a run") -> AuditedContext:
        return acting(self.home, self.lake, now, run_id=run_id, contracts=contracts())

    def copy(self, folder: Path) -> Installation:
        """The same with a lake that a story may change."""
        shutil.copytree(self.lake.uri, folder / "lake")
        return replace(self, lake=Lake(str(folder / "lake")))

    def inputs(self, period: str = DAY, tenant: str | None = None) -> Inputs:
        return inputs_of(self.context(), Order(parse_period(period), tenant))

    def section(self, name: str, period: str = DAY, tenant: str | None = None) -> Told:
        return Told(OWN_SECTIONS[name](self.inputs(period, tenant)))


@dataclass(frozen=True)
class Told:
    """What a section says, by name."""

    built: BuiltSection

    @property
    def status(self) -> doc.Status | None:
        return self.built.section.status

    def _blocks(self, kind: type[Any]) -> list[Any]:
        return [block for block in self.built.section.blocks if isinstance(block, kind)]

    @property
    def words(self) -> str:
        return " ".join(block.text for block in self._blocks(doc.Paragraph))

    @property
    def findings(self) -> dict[str, doc.Finding]:
        found = [one for block in self._blocks(doc.Findings) for one in block.findings]
        return {one.id: one for one in found}

    @property
    def figures(self) -> dict[str, Any]:
        found = [one for block in self._blocks(doc.Figures) for one in block.figures]
        return {one.label: one.value for one in found}

    def rows(self, table: str) -> list[dict[str, Any]]:
        (found,) = [block for block in self._blocks(doc.Table) if block.name == table]
        names = [column.name for column in found.columns]
        return [dict(zip(names, row, strict=True)) for row in found.rows]

    def tables(self) -> set[str]:
        return {block.name for block in self._blocks(doc.Table)}


def made(home: Path) -> Installation:
    """Make it: by real tables, a real extraction and real judgements."""
    source, lake = Operational(source_database_url(get_settings())).init(), open_lake()
    installation = Installation(home, lake, source)
    for number, wrong in WRONG.items():
        rows = generations(partition_key(hour(number).start), ROWS)
        for row in rows[:wrong]:
            row["latency_ms"] = -1.0
        source.insert("generations", rows)
    _stage_providers(RunContext(lake, SOON, "soon"))
    _take(installation, RunContext(lake, SOON, "soon"), 1)
    for number in (0, 3):
        _take(installation, RunContext(lake, LATE, f"late-{number}"), number)
    staged = lake.table("staged", "generations").read().collect()
    notes = lake.table("quality", "notes")
    notes.append(pl.DataFrame({"a": [1], "b": ["x"]}))
    notes.overwrite(pl.DataFrame({"a": [1.5], "c": ["x"]}))
    _say_what_was_done(installation)
    days = HourRange(START, START + timedelta(days=1))
    lake.table("marts", "fact_generations").write_hours(staged, days)
    return installation


def _take(installation: Installation, context: RunContext, number: int) -> None:
    contract = contracts()["generations"]
    extract_into_raw(context, contract, PostgresSource(installation.source.url), hour(number))
    stage_hours(context, contract, hour(number))


def _stage_providers(context: RunContext) -> None:
    contract = contracts()["providers"]
    rows = [
        {
            "provider_id": name,
            "provider_name": "An example",
            "base_url": "https://api.example.com",
            "models": ["m-1", "m-2"],
            "enabled": True,
            "created_at": START,
            "updated_at": START,
        }
        for name in ("openai", "anthropic")
    ]
    frame = pl.DataFrame(rows, schema=contract.polars_schema()).with_columns(
        _batch_id=pl.lit("a batch"),
        _ingested_at=pl.lit(SOON).cast(pl.Datetime("us", "UTC")),
        _unreadable=pl.lit(None, dtype=pl.String),
    )
    context.lake.table("raw", "providers").overwrite(frame)
    stage_reference(context, contract)


def _say_what_was_done(installation: Installation) -> None:
    """Entries of runs in the audit log, whose times are those of its own clock."""
    alice = installation.context()
    schedule = replace(alice, actor=Principal(Kind.SYSTEM, "the schedule", "a test"))
    for run_id in ("soon", "late-0", "late-3"):
        with replace(schedule, run_id=run_id).change("run.start", "the run of a test"):
            pass
    with alice.change("hours.backfill", "hours of a test"):
        pass
    with schedule.change("hours.run", "hours of another test"):
        pass
    with suppress(TimeoutError), schedule.change("hours.run", "hours of a test"):
        raise TimeoutError
