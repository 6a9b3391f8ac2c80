"""What the shipped contracts promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import polars as pl
import pyarrow as pa
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from chimera_assets.contracts import Contract, contracts, required_references
from chimera_assets.errors import ArgumentError
from chimera_assets.settings import get_settings
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.filterwarnings("ignore:open_text is deprecated")
def test_every_file_follows_the_json_schema_of_the_standard() -> None:
    schema = json.loads(OpenDataContractStandard.json_schema())
    validator = jsonschema.validators.validator_for(schema)(schema)
    for path in SHIPPED.glob("*.odcs.yaml"):
        problems = [
            error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))
        ]
        assert problems == [], path


@pytest.mark.criterion("AC-004.3")
def test_the_four_contracts_are_there_with_their_terms(shipped: dict[str, Contract]) -> None:
    assert list(shipped) == ["generations", "jailbreak_tests", "provider_health", "providers"]
    for name, contract in shipped.items():
        assert contract.source_table == name
        assert contract.pass_rate == 0.99
        assert contract.quarantine_days == contract.vacuum_days == 7
        assert contract.owner
        if contract.kind == "stream":
            assert (contract.event_time, contract.arrival_time) == ("timestamp", "created_at")
            assert contract.retention_days == 90
    assert shipped["providers"].kind == "reference"
    assert shipped["providers"].event_time is None
    assert required_references(shipped["generations"]) == ("providers.provider_id",)


def test_generations_has_its_required_columns_and_more_than_20_rules(generations: Contract) -> None:
    required = {column.name for column in generations.columns if column.required}
    assert required == {
        "event_id",
        "timestamp",
        "tenant_id",
        "provider",
        "model",
        "success",
        "tokens_used",
    }
    assert len(generations.rules) >= 20
    assert {rule.dimension for rule in generations.rules} >= {
        "accuracy",
        "completeness",
        "conformity",
        "consistency",
        "coverage",
        "timeliness",
        "uniqueness",
    }
    assert all(rule.severity == "warning" for rule in generations.batch_rules)
    assert generations.subject == "user_id"
    assert generations.tenant == "tenant_id"  # the file names none; the column is called so
    assert generations.classified("L3") == {"user_id"}
    assert "cost_usd" in generations.classified()


def test_schemas_follow_the_columns(generations: Contract) -> None:
    assert generations.polars_schema()["timestamp"] == pl.Datetime("us", "UTC")
    assert generations.polars_schema()["techniques_applied"] == pl.List(pl.String)
    assert generations.arrow_schema().field("tokens_used").type == pa.int64()
    assert generations.arrow_schema().field("event_id").nullable  # raw keeps what was received
    assert (
        pl.DataFrame(schema=generations.polars_schema()).columns == generations.arrow_schema().names
    )


def test_asking_for_what_is_not_there_names_what_is(generations: Contract) -> None:
    with pytest.raises(ArgumentError, match="did you mean latency_ms"):
        generations.column("latency")
    with pytest.raises(ArgumentError, match="did you mean volume"):
        generations.rule("volumes")
    with pytest.raises(ArgumentError, match="L0, L1, L2, L3, L4"):
        generations.classified("L9")


def test_a_folder_of_further_contracts_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (SHIPPED / "provider_health.odcs.yaml").read_text().replace("provider_health", "probes")
    (tmp_path / "probes.odcs.yaml").write_text(text)
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    for cached in (get_settings, contracts):
        cached.cache_clear()
    try:
        assert "probes" in contracts()
        assert "generations" in contracts()
    finally:
        monkeypatch.undo()
        for cached in (get_settings, contracts):
            cached.cache_clear()
