"""Four hours in all layers, to be damaged."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.lake import Lake
from chimera_assets.quality import stage_hours
from chimera_assets.run_context import RunContext
from tests.quality.rows import PROVIDERS, good_row, raw_frame, shipped
from tests.reconciliation.four_hours import BAD, HOURS, JUDGED, ROWS, TWICE, aggregated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hours in all layers."""
    folder = tmp_path_factory.mktemp("whole") / "lake"
    lake, contract = Lake(str(folder)), shipped()["generations"]
    lake.table("staged", "providers").overwrite(pl.DataFrame({"provider_id": PROVIDERS}))
    rows = []
    for each in HOURS:
        made = [good_row(n, each, tokens_used=7_000_000 + n) for n in range(ROWS)]
        for n in range(BAD):
            made[n * 5]["tokens_used"] = -1
        rows += made + [made[7 + n] | {"model": "m-2"} for n in range(TWICE)]
    lake.table("raw", "generations").write_hours(raw_frame(contract, rows), HOURS)
    stage_hours(RunContext(lake, JUDGED, "r"), contract, HOURS)
    staged = lake.table("staged", "generations").read().collect()
    facts = staged.with_columns(computed_cost_usd=pl.lit(None, pl.Decimal(38, 15)))
    lake.table("marts", "fact_generations").write_hours(facts, HOURS)
    aggregated(lake, HOURS)
    return folder


@pytest.fixture
def lake(whole: Path, tmp_path: Path) -> Lake:
    shutil.copytree(whole, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))
