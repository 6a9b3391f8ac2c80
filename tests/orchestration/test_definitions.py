"""What Dagster loads: the names that others rely on, and a catalogue worth reading."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.contracts import contracts
from chimera_assets.orchestration.assets.descriptions import owners
from tests.site.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = ("feedback", "generations", "invoices", "jailbreak_tests", "provider_health")
REFERENCES = ("budgets", "price_list", "providers")
GROUPS = {
    "landing": {*STREAMS},
    "raw": {*STREAMS, *REFERENCES},
    "staged": {*STREAMS, *REFERENCES},
    "quarantine": {*STREAMS, *REFERENCES},
    "staging": {
        "stg_budgets",
        "stg_feedback",
        "stg_generations",
        "stg_invoices",
        "stg_jailbreak_tests",
        "stg_price_list",
        "stg_provider_health",
        "stg_providers",
        "stg_transformations",
    },
    "marts": {
        "dim_models",
        "dim_providers",
        "dim_techniques",
        "dim_time",
        "fact_feedback",
        "fact_generations",
        "fact_invoices",
        "fact_jailbreak_tests",
        "fact_provider_health",
        "focus_costs",
    },
    "aggregates": {
        "agg_costs",
        "agg_provider_metrics",
        "agg_technique_effectiveness",
        "budget_burn_down",
        "invoice_reconciliation",
    },
    "reports": {"daily", "weekly", "monthly"},
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Of all streams, which the site of other stories does without."""
    made = Site(tmp_path_factory.mktemp("site") / "home", CHIMERA_START="2023-01-01")
    yield made.process.ask("describe")
    made.close()


def test_asset_keys_and_groups(catalogue: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for key, asset in catalogue["assets"].items():
        layer, table = key.split("/")
        assert asset["group"] == layer
        found.setdefault(layer, set()).add(table)
    assert found == GROUPS


def test_every_asset_tells_what_it_is_whose_and_of_which_columns(
    catalogue: dict[str, Any],
) -> None:
    for key, asset in catalogue["assets"].items():
        assert len(asset["description"]) > 20, key
        assert asset["owners"], key
        assert asset["kinds"], key
    bare = {key for key, asset in catalogue["assets"].items() if not asset["columns"]}
    assert bare == {f"reports/{kind}" for kind in GROUPS["reports"]}  # which are no tables


def test_what_depends_on_what(catalogue: dict[str, Any]) -> None:
    deps = {key: asset["deps"] for key, asset in catalogue["assets"].items()}
    assert deps["raw/generations"] == ["landing/generations"]
    assert deps["staged/generations"] == ["raw/generations", "staged/providers"]
    assert deps["quarantine/generations"] == ["raw/generations"]
    assert deps["staging/stg_generations"] == ["staged/generations"]
    assert deps["marts/fact_generations"] == ["staging/stg_generations", "staging/stg_price_list"]
    assert deps["aggregates/agg_provider_metrics"] == ["marts/fact_generations"]
    assert deps["reports/weekly"] == [
        "aggregates/agg_costs",
        "aggregates/agg_provider_metrics",
        "aggregates/agg_technique_effectiveness",
        "marts/fact_jailbreak_tests",
    ]


def test_whatever_is_made_of_streams_is_hourly_and_references_are_not(
    catalogue: dict[str, Any],
) -> None:
    whole = {key for key, asset in catalogue["assets"].items() if not asset["partitioned"]}
    assert whole == {
        *(f"landing/{name}" for name in STREAMS),
        *(f"{layer}/{name}" for layer in ("raw", "staged", "quarantine") for name in REFERENCES),
        *(f"staging/stg_{name}" for name in REFERENCES),
        "marts/dim_providers",
    }


@pytest.mark.criterion("AC-004.1")
def test_checks(catalogue: dict[str, Any]) -> None:
    checks = catalogue["checks"]
    for stream in STREAMS:
        sound = checks[f"landing/{stream}:files_are_sound"]
        assert sound == {"blocking": False, "partitioned": False}
        assert checks[f"staged/{stream}:pass_rate"] == {"blocking": True, "partitioned": True}
        assert checks[f"staged/{stream}:warnings"] == {"blocking": False, "partitioned": False}
        kept = checks[f"marts/fact_{stream}:conservation"]
        assert kept == {"blocking": False, "partitioned": True}  # it is the last step
        assert checks[f"staged/{stream}:event_lag"] == {"blocking": False, "partitioned": False}
    assert checks["staged/providers:pass_rate"] == {"blocking": True, "partitioned": False}
    tested = {name.split(":")[0] for name in checks}
    assert {
        f"{key}"
        for layer in ("marts", "aggregates")
        for key in (f"{layer}/{name}" for name in GROUPS[layer])
    } <= tested
    assert any(":unit_" in name for name in checks)

    said = catalogue["check_descriptions"]
    assert [name for name in checks if not said[name]] == []
    assert said["marts/fact_generations:fact_generations_has_unique_keys"] == (
        "No two rows have the same values in these columns (columns: event_id)."
    )
    agrees = said["aggregates/invoice_reconciliation:invoice_reconciliation_agrees"]
    assert agrees == "What was invoiced and what FOCUS says differ by at most 1%."
    assert "no threshold" in said["staged/invoices:pass_rate"]
    assert "At least 99% of" in said["staged/generations:pass_rate"]


def test_freshness_is_asked_each_hour_between_two_runs(catalogue: dict[str, Any]) -> None:
    assert "chimera_freshness" in catalogue["jobs"]
    assert catalogue["schedules"]["chimera_freshness"] == "35 * * * *"


@pytest.mark.criterion("AC-001.1", "AC-003.4")
def test_schedules_and_sensors_are_on_by_default(catalogue: dict[str, Any]) -> None:
    schedules = {f"chimera_{name}" for name in ("etl_hourly", "freshness", "unit_tests", "upkeep")}
    assert set(catalogue["schedules_on"]) == set(catalogue["schedules"]) == schedules
    on = ("compliance_report_weekly", "landing_files", "late_arrivals", "metrics", "notifications")
    off = ("compliance_report_daily", "compliance_report_monthly")  # CHIMERA_REPORTS is `weekly`
    assert {name: status for name, (status, _) in catalogue["sensors"].items()} == {
        **dict.fromkeys(on, "RUNNING"),
        **dict.fromkeys(off, "STOPPED"),
    }


@pytest.mark.criterion("AC-001.1")
def test_the_job_and_the_schedule_that_takes_the_hour_that_ended(
    catalogue: dict[str, Any],
) -> None:
    assert "chimera_etl_hourly" in catalogue["jobs"]
    assert catalogue["job_partitions"] == "UtcHours"
    assert catalogue["schedules"]["chimera_etl_hourly"] == "5 * * * *"
    assert catalogue["sensors"]["late_arrivals"] == ["RUNNING", 60]
    assert catalogue["ticks"] == {
        "2026-01-31T05:05:00+00:00": ["2026-01-31-04:00"],
        "2026-02-01T00:05:00+00:00": ["2026-01-31-23:00"],
    }


def test_the_unit_tests_of_models_are_run_each_night(catalogue: dict[str, Any]) -> None:
    """Checks that nothing ever runs look like work that was not finished."""
    assert "chimera_unit_tests" in catalogue["jobs"]
    assert catalogue["schedules"]["chimera_unit_tests"] == "17 3 * * *"


def test_reports_have_jobs_and_partitions_of_their_own_kind(catalogue: dict[str, Any]) -> None:
    """No run of hours builds them, and weeks begin on Mondays, with that of the first hour."""
    kinds = {f"compliance_report_{kind}" for kind in GROUPS["reports"]}
    assert {"compliance_report", *kinds} <= set(catalogue["jobs"])
    assert not [key for key in catalogue["hourly"] if key.startswith("reports/")]
    assert catalogue["first_reports"] == {
        "daily": "2023-01-01",
        "monthly": "2023-01-01",
        "weekly": "2022-12-26",
    }


def test_upkeep_has_a_job_and_a_schedule_of_its_own(catalogue: dict[str, Any]) -> None:
    assert "chimera_upkeep" in catalogue["jobs"]
    assert catalogue["schedules"]["chimera_upkeep"] == "37 2 * * *"


@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        ("", []),
        ("data-platform", ["team:data-platform"]),
        ("ops@example.com", ["ops@example.com"]),
        ("a@b", ["team:a@b"]),
    ],
)
def test_a_contract_need_not_have_an_owner(owner: str, shown: list[str]) -> None:
    contract = dataclasses.replace(contracts()["generations"], owner=owner)
    assert owners(contract) == shown
