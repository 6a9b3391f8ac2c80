"""A hold on a tenant keeps its rows in every layer, whatever its column is called."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import Lake
from chimera_assets.lifecycle.legal_holds import place
from chimera_assets.lifecycle.maintenance import maintain_lake
from chimera_assets.lifecycle.purge import purge
from chimera_assets.system_tables.legal_holds import LEGAL_HOLDS
from tests.acting import acting, leave
from tests.lifecycle.orders import HOURS, ORDERS, START, rejected, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.lifecycle.maintenance import Maintained

LATER = START + timedelta(days=100)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    leave(home)


@pytest.fixture
def orders(tmp_path: Path) -> Contract:
    (tmp_path / "orders.odcs.yaml").write_text(ORDERS)
    return load_contracts([tmp_path])["orders"]


@pytest.fixture
def context(home: Path, orders: Contract, tmp_path: Path) -> AuditedContext:
    """Long after two hours of orders, in every layer, one of them without the column."""
    lake = Lake(str(tmp_path / "lake"))
    for layer, name in (("raw", "orders"), ("staged", "orders"), ("marts", "fact_orders")):
        lake.table(layer, name).write_hours(rows(), HOURS)
    lake.table("aggregates", "agg_orders").write_hours(rows().drop("org.id"), HOURS)
    lake.table("quarantine", "orders").write_hours(rejected(), HOURS)
    return acting(home, lake, LATER, contracts={"orders": orders})


def night(context: AuditedContext) -> dict[str, Maintained]:
    done = {one.table: one for one in maintain_lake(context)}
    assert [one.error for one in done.values() if one.error] == []
    return done


def hold(context: AuditedContext, tenant: str, stream: str | None = "orders") -> None:
    """On the first of the two hours."""
    end = START + timedelta(hours=1)
    place(context, stream=stream, tenant_id=tenant, start=None, end=end, reason="case 7")


def left(context: AuditedContext, name: str) -> int:
    return context.lake.table(*name.split("/")).count()


@pytest.mark.parametrize("stream", ["orders", None])
def test_rows_are_held_by_the_column_that_the_contract_names(
    context: AuditedContext, stream: str | None
) -> None:
    hold(context, "acme", stream)

    done = night(context)

    for name in ("raw/orders", "staged/orders", "marts/fact_orders"):
        kept = context.lake.table(*name.split("/")).read().collect()
        assert sorted(kept["order_id"].to_list()) == ["00-None", "00-acme"], name
        assert (done[name].rows_dropped, done[name].hours_held) == (4, 1)
    records = context.lake.table("quarantine", "orders").read().collect()["record"].to_list()
    assert sorted(records) == ['{"org.id": "acme"}', '{"org.id": null}']


def test_an_hour_is_kept_whole_where_its_table_does_not_say_whose_a_row_is(
    context: AuditedContext,
) -> None:
    context.lake.table("marts", "fact_orders").overwrite(
        rows().drop("org.id"), partition_by=list(HOUR_COLUMNS)
    )
    hold(context, "acme")

    done = night(context)

    for name in ("marts/fact_orders", "aggregates/agg_orders"):
        assert context.lake.table(*name.split("/")).read().collect()["hour"].to_list() == [0] * 3
        assert (done[name].rows_dropped, done[name].hours_held) == (3, 1)


def test_a_hold_that_could_find_no_row_is_refused(
    context: AuditedContext, orders: Contract
) -> None:
    untold = dataclasses.replace(orders, tenant=None)
    contracts = {"orders": untold, "more": dataclasses.replace(orders, stream="more")}
    without = dataclasses.replace(context, contracts=contracts)
    with pytest.raises(ArgumentError, match=r"expected the contract of orders to name the column"):
        hold(without, "acme")
    with pytest.raises(ArgumentError, match=r"expected one of the contracts to name the column"):
        hold(dataclasses.replace(context, contracts={"orders": untold}), "acme", None)
    numbered = dataclasses.replace(orders.columns[-1], type="integer")
    by_number = dataclasses.replace(orders, columns=(*orders.columns[:-1], numbered))
    with pytest.raises(ArgumentError, match="expected an integer, as tenants are named by"):
        hold(dataclasses.replace(context, contracts={"orders": by_number}), "acme")
    assert not context.lake.table("quality", "legal_holds").exists()
    hold(without, "acme", None)  # there is a stream that has tenants; orders is not held

    assert night(without)["raw/orders"].rows_dropped == 6
    assert left(context, "quarantine/orders") == 0


def test_a_hold_of_before_keeps_all_where_the_contract_names_no_tenant(
    context: AuditedContext, orders: Contract
) -> None:
    known = {"stream": "orders", "tenant_id": "acme", "end": START + timedelta(hours=1)}
    placed = {"hold_id": "hold-1", "action": "placed", "by": "x", "reason": "x", "at": START}
    context.lake.table("quality", "legal_holds").append(
        pl.DataFrame([known | placed], schema=LEGAL_HOLDS)
    )
    untold = {"orders": dataclasses.replace(orders, tenant=None)}

    night(dataclasses.replace(context, contracts=untold))

    for name in ("raw/orders", "marts/fact_orders", "quarantine/orders"):
        assert left(context, name) == 3, name


def test_rejected_rows_of_a_stream_without_a_contract_are_kept(context: AuditedContext) -> None:
    retired = context.lake.table("quarantine", "retired")
    retired.write_hours(rejected("tenant_id"), HOURS)
    hold(context, "acme", None)

    assert purge(context, "retired", 7).rows == 3
    assert retired.read().collect()["hour"].to_list() == [0] * 3


def test_tenants_can_be_numbers(context: AuditedContext, orders: Contract) -> None:
    numbered = dataclasses.replace(orders.columns[-1], type="integer")
    contract = dataclasses.replace(orders, columns=(*orders.columns[:-1], numbered))
    by_number = dataclasses.replace(context, contracts={"orders": contract})
    names = {"acme": 7, "globex": 77}
    some = rows().with_columns(pl.col("org.id").replace_strict(names, return_dtype=pl.Int64))
    raw = context.lake.table("raw", "orders")
    raw.overwrite(some, partition_by=list(HOUR_COLUMNS))
    texts = ('{"org.id": 7}', '{"org.id": 77}', '{"org.id": "7 or so"}')
    context.lake.table("quarantine", "orders").write_hours(
        rejected().with_columns(record=pl.Series(texts * 2)), HOURS
    )
    hold(by_number, "7")

    night(by_number)

    assert sorted(raw.read().collect()["order_id"].to_list()) == ["00-None", "00-acme"]
    records = context.lake.table("quarantine", "orders").read().collect()["record"].to_list()
    assert sorted(records) == sorted((texts[0], texts[2]))
