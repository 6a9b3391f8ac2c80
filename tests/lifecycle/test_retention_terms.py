"""How long a table is kept, as the contracts say it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from chimera_assets.contracts import load_contract, load_contracts
from chimera_assets.lake import Lake
from chimera_assets.lifecycle.policy import policy
from tests.lake.conftest import events, hours
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Table

CONTRACTS = load_contracts([SHIPPED])


def table(lake: Lake, name: str) -> Table:
    found = lake.table(*name.split("/"))
    found.write_hours(events(hours(0), 1), hours(0))
    return found


def test_each_layer_is_kept_as_its_stream_says_and_figures_for_ever(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    rare = dataclasses.replace(CONTRACTS["generations"], retention_days=400, vacuum_days=30)
    contracts = {**CONTRACTS, "generations": rare}
    for name in ("raw/generations", "staged/generations", "marts/fact_generations"):
        kept = policy(table(lake, name), contracts)
        assert (kept.stream, kept.retention_days, kept.vacuum_days) == ("generations", 400, 30)
    quarantine = policy(table(lake, "quarantine/generations"), contracts)
    assert (quarantine.quarantine_days, quarantine.vacuum_days) == (7, 30)
    retired = policy(table(lake, "quarantine/retired"), contracts)
    assert (retired.stream, retired.quarantine_days) == (None, 7)
    for name in ("aggregates/agg_provider_metrics", "quality/batches", "marts/fact_of_others"):
        kept = policy(table(lake, name), contracts)
        assert (kept.retention_days, kept.vacuum_days) == (None, 7)
    results = table(lake, "quality/check_results")
    assert policy(results, contracts).retention_days == 400
    assert policy(results, {}).retention_days == 90


def test_one_table_can_be_kept_for_another_time(tmp_path: Path) -> None:
    text = (SHIPPED / "generations.odcs.yaml").read_text()
    own = (
        "slaProperties:\n"
        "  - {property: retention, value: 36, unit: h, element: raw/generations}\n"
        "  - {property: retention, value: 2, unit: y, element: aggregates/agg_provider_metrics}\n"
    )
    path = tmp_path / "generations.odcs.yaml"
    path.write_text(text.replace("slaProperties:\n", own))
    contracts = {**CONTRACTS, "generations": load_contract(path)}
    lake = Lake(str(tmp_path / "lake"))
    assert contracts["generations"].retention_days == 90
    assert policy(table(lake, "raw/generations"), contracts).retention_days == 2
    metrics = table(lake, "aggregates/agg_provider_metrics")
    assert policy(metrics, contracts).retention_days == 731
    assert policy(table(lake, "staged/generations"), contracts).retention_days == 90


def test_facts_are_ordered_by_what_is_filtered_by(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    facts = lake.table("marts", "fact_generations")
    rows = events(hours(0)).with_columns(
        model="event_id", tenant_id="event_id", provider="event_id"
    )
    facts.write_hours(rows, hours(0))
    assert policy(facts, CONTRACTS).order_by == ("tenant_id", "provider", "model")
    assert policy(table(lake, "staged/generations"), CONTRACTS).order_by == ()
