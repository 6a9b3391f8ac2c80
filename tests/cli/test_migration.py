"""`chimera contract migrate` and `chimera table profile`, as they are typed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.audit import Wanted, newest
from chimera_assets.lake import Lake
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.platform.exclusive import exclusive
from chimera_assets.quality import stage_hours
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings
from tests.cli.conftest import REPOSITORY, one_line
from tests.quality.orders import HOURS, JUDGED, ROWS, contract, raw_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Chimera

UNREAD = ROWS // 4
EXACT = "number, physicalType: 'numeric(8,2)'"


@pytest.fixture
def orders(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake whose orders have texts as amounts, and a contract in use that says numbers."""
    lake = Lake(str(home / "lake"))
    lake.table("raw", "orders").write_hours(
        raw_orders(["1.50", "2", "none", "3.25"], pl.String()), HOURS
    )
    folder = tmp_path / "contracts"
    stage_hours(RunContext(lake, JUDGED, "first"), contract(folder), HOURS)
    contract(folder, EXACT)
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(folder))
    return lake


def test_tables_are_rewritten_by_a_command(chimera: Chimera, orders: Lake, home: Path) -> None:
    assert chimera("audit", "publish").code == 0
    before = orders.table("staged", "orders").version()
    said = chimera("contract", "migrate", "orders", "--dry-run")
    assert said.code == 0
    assert re.search(r"raw/orders +amount +string +decimal\(8, 2\) +160 +40", said.out)
    assert "320 rows in 4 hours" in said.out
    assert orders.table("staged", "orders").version() == before
    assert not (home / "lake" / "_migrations").exists()

    line = one_line_after(chimera("contract", "migrate", "orders"))
    assert line == "chimera: --reason: expected why, which is kept, found nothing"
    line = one_line_after(
        chimera("contract", "migrate", "orders", "--reason", "prices", "--lose-values")
    )
    assert "--yes" in line
    assert orders.table("staged", "orders").version() == before

    asked = ("contract", "migrate", "orders", "--reason", "prices are money", "--yes")
    line = one_line_after(chimera(*asked))
    assert "found 40 of 156 values of staged/orders.amount are no decimal(8, 2); the tab" in line
    assert orders.table("staged", "orders").version() == before

    database = platform_database(get_settings())
    place = (home / "lake").resolve()
    with exclusive(database, f"migrating orders in {place}", "alice"):
        line = one_line_after(chimera(*asked, "--lose-values"))
    assert "found another process of alice since" in line
    assert orders.table("staged", "orders").version() == before

    said = chimera(*asked, "--lose-values")
    assert (said.code, "orders: migrated" in said.out) == (0, True), said.err
    assert "44 rows rejected (`chimera quarantine list --stream orders`), 0 hours" in said.out
    assert "amount: null in 0 of 116 published rows." in said.out
    staged = Lake(orders.uri).table("staged", "orders").read().collect()
    assert staged.height == 4 * (ROWS - UNREAD - 1)
    assert staged.schema["amount"] == pl.Decimal(8, 2)
    assert not (home / "lake" / "_migrations").exists()
    (entry,) = newest(database, Wanted(action="contract.migrate"), 10)
    assert entry.reason == "prices are money"
    (unknown,) = newest(database, Wanted(actor="unknown"), 1)
    assert unknown.sequence < entry.sequence  # all that it committed is by somebody

    said = chimera("contract", "migrate", "orders")
    assert "nothing to migrate" in said.out
    said = chimera("table", "restore", "staged/orders", "--as-of", str(before), "--yes")
    assert said.code == 0
    restored = Lake(orders.uri).table("staged", "orders")
    assert restored.schema().field("amount").type == "string"


def test_what_a_new_key_takes_is_told_before_and_after(
    chimera: Chimera, orders: Lake, tmp_path: Path
) -> None:
    contract(tmp_path / "contracts", key="amount")
    lost = r"140 of 156 published rows would go by the key amount \(140 .* of their hour, 0 have"
    assert re.search(f"Lost .*: {lost}", chimera("contract", "migrate", "orders", "--dry-run").out)
    asked = ("contract", "migrate", "orders", "--reason", "amounts", "--yes")
    assert re.search(f"found {lost}", one_line_after(chimera(*asked)))
    said = " ".join(chimera(*asked, "--lose-values").out.split())
    assert "140 rows left out as duplicates, 0 hours blocked." in said
    assert "not unique: rows of 4 hours have one that is in other hours, too" in said
    assert Lake(orders.uri).table("staged", "orders").count() == 4 * 4


def one_line_after(said: object) -> str:
    """The line of a mistake that is found after the plan was shown."""
    assert getattr(said, "code") == 2  # noqa: B009
    return str(getattr(said, "err")).strip().rpartition("\n")[2]  # noqa: B009


def test_only_hourly_streams_that_run_are_migrated(chimera: Chimera) -> None:
    assert "found a reference table" in one_line(chimera("contract", "migrate", "providers"))
    assert "generations" in one_line(chimera("contract", "migrate", "generation"))


@pytest.mark.usefixtures("orders")
def test_profiles_are_shown_beside_those_of_hours_before(chimera: Chimera) -> None:
    shown = json.loads(chimera("table", "profile", "orders", "--json").out)
    assert shown["hours"] == "2026-03-02-01:00"
    assert shown["before"] == 3
    columns = {each["column"]: each for each in shown["columns"]}
    assert columns["amount"]["now"]["median_distinct_an_hour"] == 4
    assert columns["pieces"]["now"]["highest"] == "39"
    assert columns["amount"]["now"]["top_values"][0][0] in {"1.50", "2", "none", "3.25"}
    assert columns["customer"]["now"]["top_values"] is None
    heads = re.split(r"  +", chimera("table", "profile", "orders").out.splitlines()[1].strip())
    assert heads[1:3] == ["nulls", "nulls before"]
    assert heads[3:5] == ["distinct an hour (median)", "distinct an hour before (median)"]
    assert heads[7] == "range before"
    said = chimera("table", "profile", "orders", "--hours", "2026-03-01")
    assert "Hours before: none." in said.err
    assert re.search(r"^amount +0\.00% +- +4 ", said.out, re.MULTILINE)
    assert "example.com" not in said.out
    assert "was published" in chimera("table", "profile", "orders", "--hours", "2026-02-01").err
    assert "expected an hourly stream" in one_line(chimera("table", "profile", "providers"))


def test_the_query_of_the_docs_counts_an_hour_once_however_often_it_was_judged(
    chimera: Chimera, orders: Lake, tmp_path: Path
) -> None:
    stage_hours(RunContext(orders, JUDGED, "second"), contract(tmp_path / "before"), HOURS)
    text = (REPOSITORY / "docs" / "contracts.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (query,) = (one for one in queries if "column_profiles" in one)
    counted = json.loads(chimera("sql", query, "--format", "json").out)
    assert {row["rows"] for row in counted} == {4 * (ROWS - 1)}
