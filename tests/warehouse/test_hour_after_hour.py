"""Hours one after the other, in any order and again, leave what one run over all of them leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.lake import Lake
from tests.warehouse.conftest import Warehouse, hour
from tests.warehouse.test_warehouse import TABLES, generation, key

if TYPE_CHECKING:
    from pathlib import Path

EDGES = ["2026-01-31T22", "2026-01-31T23", "2026-02-01T00", "2026-02-01T01"]


def filled(folder: Path, target: Path) -> Warehouse:
    """Three hours: models and techniques that come, go and come again; one hour is quiet."""
    made = Warehouse(Lake(str(folder)), target)
    made.stage_providers({"provider_id": "openai", "updated_at": hour("2026-01-01T00")})
    for number, at in enumerate(EDGES[:3]):
        moment = hour(at)
        rows = [
            generation(f"{at}-{n}", timestamp=moment.replace(minute=10 * n + number), model=model)
            for n, model in enumerate(
                ("always", f"only-{number}", "outer" if number != 1 else "in")
            )
        ]
        for row in rows:
            row["techniques_applied"] = ["base64", row["model"]]
        made.stage("generations", at, rows)
        tests: list[dict[str, Any]] = [
            {
                "test_id": f"t-{number}",
                "timestamp": moment.replace(minute=55 - number),
                "test_type": "pair",
                "target_provider": "openai",
                "target_model": "always",
                "iterations": 20,
                "successful_mutations": number,
            }
        ]
        made.stage("jailbreak_tests", at, tests if number != 1 else [])
    return made


def everything(made: Warehouse) -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {table: made.rows(*table, *key(table)) for table in TABLES}


def test_hour_after_hour_in_any_order_and_again(tmp_path: Path, target: Path) -> None:
    at_once = filled(tmp_path / "at once", target)
    at_once.dbt(start=f"{EDGES[0]}:00:00Z", end=f"{EDGES[3]}:00:00Z")
    one_by_one = filled(tmp_path / "one by one", target)
    for number in (1, 2, 0, 1):
        start, end = (f"{edge}:00:00Z" for edge in EDGES[number : number + 2])
        one_by_one.dbt(start=start, end=end)

    expected = everything(at_once)

    history = ("marts", "dim_providers")
    found = everything(one_by_one)
    assert found.keys() == expected.keys()
    for table in expected:
        assert found[table] == expected[table], table
    assert [row["provider_id"] for row in expected[history]] == ["openai"]
    assert [row["hour_start"] for row in expected["marts", "dim_time"]] == [
        hour(edge) for edge in EDGES[:3]
    ]
    seen = {
        row["model"]: (row["first_seen"], row["last_seen"])
        for row in expected["marts", "dim_models"]
    }
    first, last = hour(EDGES[0]), hour(EDGES[2])
    assert seen["always"] == (first, last.replace(minute=53))
    assert seen["outer"] == (first.replace(minute=20), last.replace(minute=22))
    assert seen["only-2"] == (last.replace(minute=12),) * 2
    techniques = {
        row["technique"]: (row["first_seen"], row["last_seen"])
        for row in expected["marts", "dim_techniques"]
    }
    assert techniques["base64"] == (first, last.replace(minute=22))
    assert techniques["pair"] == (first.replace(minute=55), last.replace(minute=53))
