"""What the shipped contracts promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Callable
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
    first = ("generations", "jailbreak_tests", "provider_health", "providers")
    # What came later, no database need have.
    assert {name for name, one in shipped.items() if not one.optional_at_source} == set(first)
    for name in first:
        contract = shipped[name]
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


#: What the contract of generations says beside its columns, anew, and what it comes to.
TERMS: list[tuple[tuple[tuple[str, str], ...], dict[str, Any]]] = [
    ((("value: 90, unit: d", "value: 25, unit: h"),), {"retention_days": 2}),
    ((("value: 90, unit: d", "value: 24, unit: hours"),), {"retention_days": 1}),
    ((("value: 90, unit: d", "value: 2, unit: y"),), {"retention_days": 731}),
    ((("value: 2, unit: h", "value: 1.5, unit: days"),), {"freshness_hours": 36.0}),
    (
        (
            (
                "slaProperties:\n",
                (
                    "slaProperties:\n"
                    "  - {property: retention, value: 30, unit: d, element: raw/generations}\n"
                    "  - {property: latency, value: 4, unit: moons}\n"
                ),
            ),
        ),
        {"retention_days": 90, "table_retention": {"raw/generations": 30}},
    ),
    (
        (("property: quarantineDays,", "vendor: other, property: quarantineDays,"),),
        {"quarantine_days": 7},
    ),
    (
        (("property: quarantineDays, value: 7", "property: quarantineDays, value: 8"),),
        {"quarantine_days": 8},
    ),
    (
        (
            ("property: vacuumDays, value: 7", "property: vacuumDays, vendor: chimera, value: 9"),
            ("property: passRate, value: 0.99", "property: passRate, value: 1"),
        ),
        {"vacuum_days": 9, "pass_rate": 1.0},
    ),
    (
        (
            ("property: vacuumDays, value", "property: days, vendor: other, value"),
            ("property: passRate, value", "property: rate, vendor: other, value"),
            ("property: dataSubject, value", "property: whose, vendor: other, value"),
            ("property: streamKind, value", "property: kind, vendor: other, value"),
        ),
        {"vacuum_days": 7, "pass_rate": 0.99, "subject": None, "kind": "stream"},
    ),
    (
        (("property: dataSubject, value: user_id", "property: tenant, value: model"),),
        {"tenant": "model"},
    ),
    (
        (
            ("team:\n  name: data-platform", "team: [{username: a}, {name: b, role: owner}]\n#"),
            ("  description: Extracts the events, keeps", "# keeps"),
        ),
        {"owner": "b"},
    ),
    (
        (
            ("team:\n  name: data-platform", "team: [{username: a}, {name: b}]\n#"),
            ("  description: Extracts the events, keeps", "# keeps"),
        ),
        {"owner": "a"},
    ),
    (
        (("    description: Requests to language models as the gateway logged them.\n", ""),),
        {"description": "Every request to a language model, what it cost and how it ended."},
    ),
    (
        (("    physicalName: generations\n", "    physicalName: app.calls\n"),),
        {"source_table": "app.calls"},
    ),
    ((("    physicalName: generations\n", ""),), {"source_table": "generations"}),
    ((("tags: [llm, gateway]\n", ""),), {"tags": ()}),
]


@pytest.mark.parametrize(("replacements", "terms"), TERMS)
def test_terms_are_read(
    changed: Callable[..., Contract],
    replacements: tuple[tuple[str, str], ...],
    terms: dict[str, Any],
) -> None:
    contract = changed("generations", *replacements)
    assert {name: getattr(contract, name) for name in terms} == terms


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
