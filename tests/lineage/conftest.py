"""A lake of its own, made by the site's own functions from the operational database of a site."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.lake import Lake
from chimera_assets.layers import MARTS, STAGED
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.quality import stage_hours, stage_reference
from chimera_assets.reconciliation.aggregates import from_facts
from chimera_assets.run_context import RunContext
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.landing import Place, load_files
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.system_tables.column_lineage import append_lineages
from tests.cli.conftest import (
    Chimera,
    home,  # noqa: F401 - a fixture
)
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from tests.site.site import Site

#: The hours of these stories, which no other has.
FIRST, SECOND, THIRD = "2024-11-11-05:00", "2024-11-11-06:00", "2024-11-11-07:00"

_PRICED = pl.lit(None, pl.Decimal(38, 15)).alias("computed_cost_usd")


@dataclass
class Works:
    """Runs hours of `generations` through all layers, as the pipeline does, in this process."""

    lake: Lake
    source: PostgresSource
    files: Path
    now: datetime = datetime(2024, 11, 12, tzinfo=UTC)
    runs: int = 0

    @property
    def contract(self) -> Contract:
        return load_contracts([SHIPPED])["generations"]

    def run(self, *hours: str) -> str:
        """Run hours, each by itself, an hour later than the run before; gives the run's id."""
        context = self.context()
        for hour in hours:
            extract_into_raw(context, self.contract, self.source, HourRange.from_keys(hour, hour))
            self.stage(context, hour)
        return context.run_id

    def context(self) -> RunContext:
        self.runs, self.now = self.runs + 1, self.now + timedelta(hours=1)
        return RunContext(self.lake, self.now, f"run-{self.runs}")

    def stage(self, context: RunContext, hour: str, *, replay: bool = False) -> None:
        """Judge an hour; facts and aggregates are made of what is published."""
        providers = load_contracts([SHIPPED])["providers"]
        rows = self.source.extract_reference(providers, Batch.new("providers", context.now))
        self.lake.table("raw", "providers").overwrite(rows)
        stage_reference(context, providers)
        hours = HourRange.from_keys(hour, hour)
        stage_hours(context, self.contract, hours, replay=replay)
        staged = self.lake.table(STAGED, "generations").read(hours).collect()
        fact = self.lake.table(MARTS, "fact_generations")
        fact.write_hours(staged.with_columns(_PRICED), hours, metadata={"run": context.run_id})
        for one in active_aggregates():
            if "fact_generations" in one.facts:
                sums = from_facts(one, self.lake, [hours])
                table = self.lake.table("aggregates", one.table)
                table.write_hours(sums, hours, metadata={"run": context.run_id})

    def land(self, name: str, rows: list[dict[str, Any]]) -> str:
        """Load a file of rows; gives the run's id."""
        folder = self.files / "generations"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        context = self.context()
        load_files(context, self.contract, Place(str(self.files)), pause=0.0)
        return context.run_id

    def say_lineage(self) -> None:
        """Write what dbt writes of its models: here each column is made of the one of its name."""
        fact = {
            name: frozenset({(STAGED, "generations", name)}) for name in self.contract.column_names
        }
        reads = frozenset({(STAGED, "generations")})
        found = {(MARTS, "fact_generations"): {"v": ModelLineage(fact, reads)}}
        of_fact = frozenset({(MARTS, "fact_generations")})
        for one in active_aggregates():
            if one.facts == ("fact_generations",):
                grain = {name: frozenset({(MARTS, "fact_generations", name)}) for name in one.grain}
                sums = dict.fromkeys(one.measures, frozenset[tuple[str, str, str]]())
                columns = {**grain, **sums}
                found["aggregates", one.table] = {"v": ModelLineage(columns, of_fact)}
        append_lineages(self.lake, found)


@pytest.fixture(scope="module")
def works(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Works:
    """The lake of a module's stories, each of which has keys of its own."""
    folder = tmp_path_factory.mktemp("lineage")
    (folder / "files").mkdir()
    return Works(Lake(str(folder / "lake")), PostgresSource(site.source.url), folder / "files")


@pytest.fixture
def chimera(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    site: Site,
    works: Works,
    home: Path,  # noqa: ARG001, F811 - whose settings nothing else sees
) -> Chimera:
    """The command line, at the site's home, over that lake."""
    for name, value in {
        "CHIMERA_HOME": str(site.home),
        "CHIMERA_LAKE_URI": works.lake.uri,
        "CHIMERA_SOURCE_DATABASE_URL": site.source.url,
        "CHIMERA_START": "2023-01-01",
    }.items():
        monkeypatch.setenv(name, value)
    return Chimera(capsys)
