"""A table without hours that a model makes of a stream, when its column has another type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake import Lake
from chimera_assets.packs.model_columns import DescribedModel
from chimera_assets.privacy.origins import ModelLineage
from chimera_assets.quality.migration import made_tables
from chimera_assets.quality.migration.beside import Beside
from chimera_assets.run_context import RunContext
from chimera_assets.system_tables.column_lineage import append_lineages
from tests.quality.orders import JUDGED, contract

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_made_of_the_stream_is_cast_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not what is made of others, or never was a model's."""
    lake, orders = Lake(str(tmp_path / "lake")), contract(tmp_path)
    rows = pl.DataFrame({"customer": ["c1", "c2"], "amount": ["12.5", "none"]})
    made_of = {"dim_orders": "orders", "dim_returns": "returns"}
    for name in (*made_of, "dim_by_hand"):
        lake.table("marts", name).overwrite(rows)
    versions = {
        ("marts", name): {
            "v": ModelLineage(
                {
                    "customer": frozenset(),
                    "amount": frozenset({("staged", stream, "amount")}),
                },
                frozenset({("staged", stream)}),
            )
        }
        for name, stream in made_of.items()
    }
    append_lineages(lake, versions)
    columns = {"customer": ("varchar", 1), "amount": ("decimal(8, 2)", 2)}
    described = {
        name: DescribedModel(name, tmp_path / f"{name}.yml", 1, columns, frozenset(columns))
        for name in made_of
    }
    monkeypatch.setattr(made_tables, "described_models", lambda _: described)

    context = RunContext(lake, JUDGED, "r")
    made_tables.retype_made_tables(context, orders, Beside(lake, orders, ("raw",), JUDGED, "ours"))

    cast = lake.table("marts", "dim_orders").read().collect()
    assert cast.schema["amount"] == pl.Decimal(8, 2)
    assert cast["amount"].cast(pl.String).to_list() == ["12.50", None]
    for name in ("dim_returns", "dim_by_hand"):
        assert lake.table("marts", name).read().collect().equals(rows), name
