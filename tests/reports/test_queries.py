"""What the SELECTs of a report's sections may see, and what becomes of what they give."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from chimera_assets.hours import HourRange
from chimera_assets.lake import Lake
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.reports.queries import Answer, PeriodTables, QueryError, Scope

START = datetime(2026, 1, 31, 5, tzinfo=UTC)
HOURS = HourRange.single(START)
ALL, ACME = Scope(HOURS), Scope(HOURS, "acme")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Tables with and without hours, with and without tenants."""
    lake = Lake(str(tmp_path_factory.mktemp("queries") / "lake"))
    hour = {"hour_partition": [date(2026, 1, 31)] * 2, "hour": [5] * 2}
    rows = pl.DataFrame({**hour, "tenant_id": ["acme", "other"], "cost": [1.5, 2.5]})
    lake.table("quality", "agg_costs").write_hours(
        rows.with_columns(pl.col("hour").cast(pl.Int32)), HOURS
    )
    spent = pl.DataFrame({"tenant_id": ["acme", "other"], "budget": [10, 20]})
    lake.table("quality", "budget_burn_down").overwrite(spent)
    lake.table("quality", "dim_models").overwrite(spent.select("budget"))
    return lake


def asked(lake: Lake, sql: str, scope: Scope = ALL) -> Answer | QueryError:
    tenants = {"quality/agg_costs": "tenant_id", "quality/dim_models": "tenant_id"}
    tables = PeriodTables(lake, Masks(OPERATOR_LEVEL, {}), tenants)
    return tables.ask({"it": sql}, scope)["it"]


@pytest.mark.parametrize("table", ["budget_burn_down", "dim_models"])
def test_a_report_of_one_tenant_reads_no_table_that_does_not_tell_tenants_apart(
    lake: Lake, table: str
) -> None:
    sql = f"SELECT sum(budget) FROM {table}"  # noqa: S608
    refused = asked(lake, sql, ACME)
    assert isinstance(refused, QueryError)
    assert refused.problem == (
        f"expected tables that tell tenants apart, as the report is of one, found quality/{table}"
    )
    every, own = asked(lake, sql), asked(lake, "SELECT sum(cost) FROM agg_costs", ACME)
    assert isinstance(every, Answer)
    assert isinstance(own, Answer)
    assert (every.rows, own.rows, own.read[0].rows) == (((30,),), ((1.5,),), 1)
