"""Two versions of a contract: what changed, in words, and what version that asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from chimera_assets.contracts import Contract
from chimera_assets.contracts.dbt_sources import SOURCES_FILE, dbt_sources, staged_columns
from chimera_assets.contracts.diff import bump, diff, next_version, version_suffices
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_COLUMN = """      - name: region
        logicalType: string
        classification: L0
        description: Where it was served.
      - name: created_at
"""

CHANGES = [
    (
        ("      - name: created_at\n", NEW_COLUMN),
        "compatible: column region added, may be null",
        "minor",
    ),
    (
        (
            "      - name: created_at\n",
            NEW_COLUMN.replace(
                "    classification", "    required: true\n        classification", 1
            ),
        ),
        "breaking: column region added as required",
        "major",
    ),
    (
        ("logicalType: number", "logicalType: integer"),
        "breaking: column latency_ms retyped from number to integer",
        "major",
    ),
    (
        ("        classification: L3", "        required: true\n        classification: L3"),
        "breaking: column user_id made required",
        "major",
    ),
    (
        ("min: 0, max: 10000", "min: 0, max: 5000"),
        "breaking: rule latency_ms_range tightened",
        "major",
    ),
    (
        ("min: 0, max: 10000", "min: 0, max: 60000"),
        "compatible: rule latency_ms_range loosened",
        "minor",
    ),
    (("max: 0.98", "max: 0.5"), "compatible: rule provider_share changed", "minor"),
    (
        ("classification: L3", "classification: L4"),
        "breaking: column user_id classified higher",
        "major",
    ),
    (
        ("classification: L3", "classification: L2"),
        "compatible: column user_id classified lower",
        "minor",
    ),
    (("value: 0.99", "value: 0.95"), "compatible: pass rate lowered from 0.99 to 0.95", "minor"),
    (
        ("value: 90, unit: d", "value: 30, unit: d"),
        "breaking: days of retention lowered from 90 to 30",
        "major",
    ),
    (
        (
            "slaProperties:\n",
            (
                "slaProperties:\n"
                "  - {property: retention, value: 30, unit: d, element: raw/generations}\n"
            ),
        ),
        "breaking: days of retention of raw/generations changed from none to 30",
        "major",
    ),
    (
        ("value: user_id", "value: tenant_id"),
        "breaking: data subject changed from user_id to tenant_id",
        "major",
    ),
    (
        (
            "property: dataSubject,",
            "property: tenant, value: model}\n      - {property: dataSubject,",
        ),
        "breaking: tenant changed from tenant_id to model",
        "major",
    ),
    (
        ("Identifies the request.", "Names the request."),
        "compatible: column event_id described anew",
        "patch",
    ),
    (("NOT success OR", "success OR"), "breaking: rule success_without_error tightened", "major"),
]


@pytest.mark.criterion("AC-004.6")
@pytest.mark.parametrize(("replacement", "words", "part"), CHANGES)
def test_a_change_in_words(
    generations: Contract,
    changed: Callable[..., Contract],
    replacement: tuple[str, str],
    words: str,
    part: str,
) -> None:
    after = changed("generations", replacement)
    changes = diff(generations, after)
    assert words in " | ".join(str(change) for change in changes)
    assert bump(changes) == part
    assert not version_suffices(generations, after)
    raised = changed(
        "generations", replacement, ("version: 1.1.0", f"version: {next_version('1.1.0', part)}")
    )
    assert version_suffices(generations, raised)


def test_a_removed_column_is_breaking(generations: Contract) -> None:
    fewer = Contract(**{**vars_of(generations), "columns": generations.columns[:-1]})
    assert [str(change) for change in diff(generations, fewer)] == [
        "breaking: column created_at removed (it was timestamp)"
    ]


def test_a_tenant_that_is_named_first_breaks_nothing(generations: Contract) -> None:
    untold = Contract(**{**vars_of(generations), "tenant": None})
    assert [str(change) for change in diff(untold, generations)] == [
        "compatible: tenant changed from none to tenant_id"
    ]


def vars_of(contract: Contract) -> dict[str, object]:
    return {name: getattr(contract, name) for name in Contract.__dataclass_fields__}


def test_nothing_changed(generations: Contract) -> None:
    assert diff(generations, generations) == []
    assert bump([]) == "none"
    assert version_suffices(generations, generations)


def test_dbt_sources_hold_the_columns_and_those_of_the_platform(
    shipped: dict[str, Contract],
) -> None:
    text = dbt_sources(shipped.values(), {"external_location": "somewhere"})
    (source,) = yaml.safe_load(text)["sources"]
    assert source["name"] == "staged"
    assert source["config"] == {"external_location": "somewhere"}
    tables = {table["name"]: [c["name"] for c in table["columns"]] for table in source["tables"]}
    further = ["hour_partition", "hour", "_batch_id", "_ingested_at"]
    assert tables["generations"] == [*shipped["generations"].column_names, *further]
    assert tables["providers"] == [*shipped["providers"].column_names, *further[2:]]
    (table,) = [one for one in source["tables"] if one["name"] == "generations"]
    (user,) = [one for one in table["columns"] if one["name"] == "user_id"]
    assert user["config"]["meta"] == {"classification": "L3", "data_subject": True}
    # Whole, as it stands in the pack.
    made = dbt_sources(shipped.values())
    assert made == (SHIPPED.parent / SOURCES_FILE).read_text(encoding="utf-8")
    assert staged_columns(shipped["providers"])["models"] == "varchar[]"
