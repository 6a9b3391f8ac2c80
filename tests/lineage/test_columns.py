"""Column lineage down to the operational table, and how tables' columns changed over time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts.loader import load_contract
from chimera_assets.lake import Lake
from chimera_assets.lineage.columns import ColumnStep, source_columns, ways_down
from chimera_assets.lineage.schema_changes import column_changes
from chimera_assets.lineage.table_log import TableLog
from chimera_assets.orchestration.assets.descriptions import columns_of_source
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.privacy.origins import ModelLineage
from tests.cli.conftest import one_line
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.privacy.origins import Lineages
    from tests.cli.conftest import Chimera
    from tests.lineage.conftest import Works

FACT = ("marts", "fact_generations")
STAGED = ("staged", "generations")


def mapped(tmp_path: Path) -> Contract:
    """The contract of generations, two of whose columns are read from others."""
    text = next(SHIPPED.glob("generations.odcs.yaml")).read_text()
    text = text.replace(
        "      - name: model\n", "      - name: model\n        physicalName: model_name\n", 1
    ).replace(
        "      - name: tokens_used\n",
        "      - name: tokens_used\n"
        "        transformLogic: coalesce(tokens_in, 0) + coalesce(tokens_out, 0)\n",
        1,
    )
    file = tmp_path / "generations.odcs.yaml"
    file.write_text(text)
    return load_contract(file)


def test_a_column_of_raw_names_the_columns_and_the_expression_that_it_is_read_by(
    tmp_path: Path,
) -> None:
    contract = mapped(tmp_path)
    added = "coalesce(tokens_in, 0) + coalesce(tokens_out, 0)"
    assert source_columns(contract, "model") == [("model_name", None)]
    assert source_columns(contract, "tokens_used") == [("tokens_in", added), ("tokens_out", added)]
    placed = source_columns(contract, "hour")
    assert placed == [
        (one, "the hour of timestamp or created_at") for one in ("timestamp", "created_at")
    ]
    shown = columns_of_source(contract).deps_by_column
    assert [dep.column_name for dep in shown["tokens_used"]] == ["tokens_in", "tokens_out"]
    assert shown["model"][0].asset_key.path == ["source", "generations"]


def test_a_figure_leads_down_to_the_operational_table(tmp_path: Path) -> None:
    contract = mapped(tmp_path)
    fact = {
        "tokens_used": frozenset({(*STAGED, "tokens_used")}),
        "one": frozenset[tuple[str, str, str]](),
    }
    sums = {
        "total_tokens": frozenset({(*FACT, "tokens_used")}),
        "total_requests": frozenset[tuple[str, str, str]](),
        "odd": None,
    }
    lineages: Lineages = {
        FACT: {"v": ModelLineage(fact, frozenset({STAGED}))},
        ("aggregates", "agg_provider_metrics"): {"v": ModelLineage(sums, frozenset({FACT}))},
    }

    def steps(column: str) -> list[ColumnStep]:
        start = ("aggregates", "agg_provider_metrics", column)
        known = {"generations": contract}
        return list(ways_down(lineages, known, active_aggregates(), start))

    tokens = steps("total_tokens")
    assert tokens[0].how == "COALESCE(SUM(CAST(tokens_used AS BIGINT)), 0)"
    assert [(one.from_table, one.from_column) for one in tokens] == [
        ("marts/fact_generations", "tokens_used"),
        ("staged/generations", "tokens_used"),
        ("raw/generations", "tokens_used"),
        ("source/generations", "tokens_in"),
        ("source/generations", "tokens_out"),
    ]
    (counted,) = steps("total_requests")
    assert counted.from_table is None
    assert counted.how == "COUNT(*): all rows of marts/fact_generations"
    assert {one.how for one in steps("odd")} == {"not followed: any column"}


def test_the_command_prints_each_step(chimera: Chimera, works: Works) -> None:
    works.lake.table("marts", "fact_generations").overwrite(pl.DataFrame({"event_id": ["a"]}))
    works.say_lineage()
    said = json.loads(
        chimera("lineage", "--column", "marts/fact_generations.event_id", "--json").out
    )
    assert [f"{one['from_table']}.{one['from_column']}" for one in said] == [
        "staged/generations.event_id",
        "raw/generations.event_id",
        "source/generations.event_id",
    ]
    mistake = one_line(chimera("lineage", "--column", "marts/fact_generations.event"))
    assert "did you mean event_id?" in mistake or "expected one of event_id" in mistake
    assert "no stream beside it" in one_line(chimera("lineage", "generations", "--column", "a/b"))
    assert "a stream and a key, or --column" in one_line(chimera("lineage"))


def test_columns_that_came_and_changed_are_told_by_version(tmp_path: Path) -> None:
    table = Lake(str(tmp_path / "lake")).table("marts", "notes")
    table.overwrite(pl.DataFrame({"a": [1]}), metadata={"run": "first"})
    table.append(pl.DataFrame({"a": [2], "b": ["x"]}), metadata={"run": "second"})
    table.overwrite(pl.DataFrame({"b": [1.5]}), metadata={"run": "third"})
    found = [
        (one.what, one.column, one.before, one.after) for one in column_changes(TableLog(table))
    ]
    assert found == [
        ("created", None, None, "1 columns"),
        ("added", "b", None, "string"),
        ("removed", "a", "long", None),
        ("type", "b", "string", "double"),
    ]


def test_the_contract_of_a_table_changes_beside_its_columns(chimera: Chimera, works: Works) -> None:
    works.lake.table("raw", "generations").overwrite(pl.DataFrame({"event_id": ["a"]}))
    held = chimera("hold", "add", "--stream", "generations", "--reason", "An example")
    assert held.code == 0, held.err
    said = json.loads(chimera("table", "history", "raw/generations", "--schema", "--json").out)
    noticed = [one["after"] for one in said if one["what"] == "contract"]
    assert noticed == [works.contract.version]
    assert {one["what"] for one in said} == {"contract", "created"}
    assert "created" in chimera("table", "history", "raw/generations", "--schema").out
