"""Stories of the warehouse: staged rows in, facts, dimensions and aggregates out."""

from __future__ import annotations

import random
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any

import duckdb
import jinja2
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chimera_assets.contracts import load_contracts
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.system_tables.column_lineage import column_lineages
from tests.shipped import SHIPPED
from tests.warehouse.conftest import ROOT, hour

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.warehouse.conftest import Warehouse

TABLES = [
    *(("marts", f"dim_{name}") for name in ("models", "providers", "techniques", "time")),
    *(("marts", f"fact_{name}") for name in ("generations", "jailbreak_tests", "provider_health")),
    *(("marts", name) for name in ("fact_feedback", "fact_invoices", "focus_costs")),
    *(("aggregates", f"agg_{name}") for name in ("costs", "provider_metrics")),
    ("aggregates", "agg_technique_effectiveness"),
    *(("aggregates", name) for name in ("budget_burn_down", "invoice_reconciliation")),
]


def generation(event_id: str, **values: object) -> dict[str, Any]:
    return {"event_id": event_id, **values}


def test_an_empty_lake_gives_empty_tables_with_the_declared_columns(warehouse: Warehouse) -> None:
    warehouse.dbt("build", DBT_WRITE_JSON="true")  # unit tests included
    declared = {
        (node["schema"], node["name"]): {
            column["name"]: column["data_type"] for column in node["columns"].values()
        }
        for node in warehouse.manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] == "delta"
    }
    assert sorted(declared) == sorted(TABLES)
    for layer, name in TABLES:
        described = warehouse.query("describe t", t=f"{layer}/{name}")
        assert {row[0]: row[1].lower() for row in described} == declared[layer, name], name
        assert warehouse.lake.table(layer, name).count() == 0


def test_an_hour_is_replaced_alone_and_running_again_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.stage_providers({"provider_id": "openai", "updated_at": hour("2026-01-01T00")})
    for at, count in (("2026-01-31T22", 2), ("2026-01-31T23", 3), ("2026-02-01T00", 1)):
        rows = [generation(f"{at}-{i}", techniques_applied=["base64"]) for i in range(count)]
        warehouse.stage("generations", at, rows)
    warehouse.stage(
        "jailbreak_tests",
        "2026-01-31T23",
        [
            {
                "test_id": "t",
                "test_type": "pair",
                "target_provider": "openai",
                "target_model": "gpt",
                "iterations": 20,
                "successful_mutations": 5,
                "asr_rate": 0.25,
            }
        ],
    )
    warehouse.dbt(start="2026-01-31T22:00:00Z", end="2026-02-01T01:00:00Z")
    before = {table: warehouse.rows(*table, *key(table)) for table in TABLES}
    assert len(before["marts", "fact_generations"]) == 6
    assert len(before["marts", "dim_time"]) == 3

    # The middle hour loses a row, another gains a token count; the neighbours must not move.
    warehouse.stage("generations", "2026-01-31T23", [generation("x", tokens_used=7)])
    warehouse.stage("generations", "2026-01-31T22", [generation("not asked for")])
    warehouse.dbt(start="2026-01-31T23:00:00Z", end="2026-02-01T00:00:00Z")
    facts = warehouse.rows("marts", "fact_generations", "event_id")
    assert [row["event_id"] for row in facts] == [
        "2026-01-31T22-0",
        "2026-01-31T22-1",
        "2026-02-01T00-0",
        "x",
    ]
    metrics = warehouse.rows("aggregates", "agg_provider_metrics", "hour_partition", "hour")
    assert [(row["hour"], row["total_requests"], row["total_tokens"]) for row in metrics] == [
        (22, 2, 2),
        (23, 1, 7),
        (0, 1, 1),
    ]
    effect = warehouse.rows("aggregates", "agg_technique_effectiveness", "technique", "hour")
    assert [(r["technique"], r["attempts"], r["successes"], r["success_rate"]) for r in effect] == [
        ("base64", 1, 1, 1.0),
        ("base64", 2, 2, 1.0),
        ("pair", 20, 5, 0.25),
    ]

    once = {table: warehouse.rows(*table, *key(table)) for table in TABLES}
    versions = {table: warehouse.lake.table(*table).version() for table in TABLES}
    lineages = warehouse.lake.table("quality", "column_lineage").version()
    warehouse.dbt(start="2026-01-31T23:00:00Z", end="2026-02-01T00:00:00Z")
    assert {table: warehouse.rows(*table, *key(table)) for table in TABLES} == once
    # One commit a table, and none where the provider's history had nothing new, or nothing cost.
    idle = {"dim_providers", "budget_burn_down", "invoice_reconciliation"}
    for table in TABLES:
        grown = warehouse.lake.table(*table).version() - versions[table]
        assert grown == (0 if table[1] in idle else 1), table
    # dbt by hand, too, keeps what the columns are made of: just what is personal is masked.
    masks = Masks(OPERATOR_LEVEL, load_contracts([SHIPPED]), column_lineages(warehouse.lake))
    masked = {
        f"{table[1]}.{column}"
        for table in TABLES
        for column in masks.rows(*table, warehouse.lake.table(*table).read())[1]
    }
    assert masked == {
        "fact_feedback.comment",
        "fact_feedback.user_id",
        "fact_generations.user_id",
        "fact_jailbreak_tests.user_id",
        "fact_jailbreak_tests.best_prompt",
    }
    assert warehouse.lake.table("quality", "column_lineage").version() == lineages


def key(table: tuple[str, str]) -> tuple[str, ...]:
    """Columns to sort a table by."""
    return {
        "dim_models": ("provider", "model"),
        "dim_providers": ("provider_id", "valid_from"),
        "dim_techniques": ("technique",),
        "dim_time": ("hour_start",),
        "fact_generations": ("event_id",),
        "fact_jailbreak_tests": ("test_id",),
        "fact_provider_health": ("check_id",),
        "fact_feedback": ("feedback_id",),
        "fact_invoices": ("invoice_id", "line"),
        "focus_costs": ("hour_partition", "hour", "x_Model", "x_TokenType"),
        "agg_costs": ("hour_partition", "hour", "provider", "model"),
        "budget_burn_down": ("budget_id", "day"),
        "invoice_reconciliation": ("provider", "billing_month"),
        "agg_provider_metrics": ("hour_partition", "hour", "provider", "model"),
        "agg_technique_effectiveness": ("hour_partition", "hour", "technique"),
    }[table[1]]


def test_providers_keep_their_history(warehouse: Warehouse) -> None:
    select = ("build", "--select", "+dim_providers", "--exclude-resource-type", "unit_test")
    first, second = hour("2026-01-01T00"), hour("2026-01-05T07")
    warehouse.stage_providers(
        {"provider_id": "openai", "base_url": "old", "updated_at": first},
        {"provider_id": "azure", "base_url": "a", "updated_at": first},
    )
    warehouse.dbt(*select)
    warehouse.stage_providers(
        {"provider_id": "openai", "base_url": "new", "updated_at": second},
        {"provider_id": "azure", "base_url": "a", "updated_at": second},
    )
    warehouse.dbt(*select)
    warehouse.dbt(*select, "--full-refresh")
    versions = warehouse.rows("marts", "dim_providers", "provider_id", "valid_from")
    assert [
        (row["provider_id"], row["base_url"], row["valid_from"], row["valid_to"], row["is_current"])
        for row in versions
    ] == [
        ("azure", "a", first, None, True),
        ("openai", "old", first, second, False),
        ("openai", "new", second, None, True),
    ]


def test_totals_beyond_32_bits_and_percentiles_over_hours(warehouse: Warehouse) -> None:
    draw = random.Random(7)  # noqa: S311
    latencies: list[float] = [0.0, 0.0, 0.0]
    for at in ("2026-01-31T22", "2026-01-31T23"):
        values = [min(10_000.0, draw.lognormvariate(6, 1)) for _ in range(1500)]
        latencies += values
        rows = [generation(f"{at}-{i}", latency_ms=v) for i, v in enumerate(values)]
        rows += [generation(f"{at}-huge-{i}", tokens_used=2**31) for i in range(2)]
        if at.endswith("22"):
            rows += [generation(f"zero-{i}", latency_ms=0.0) for i in range(3)]
        warehouse.stage("generations", at, rows)
    warehouse.dbt(start="2026-01-31T22:00:00Z", end="2026-02-01T00:00:00Z")

    metrics = warehouse.rows("aggregates", "agg_provider_metrics", "hour")
    assert [row["total_tokens"] for row in metrics] == [2**32 + 1503, 2**32 + 1500]
    assert sum(sum(row["latency_counts"]) for row in metrics) == len(latencies)

    exact = warehouse.query(
        "select quantile_cont(latency_ms, [0.5, 0.95, 0.99]) from f", f="marts/fact_generations"
    )[0][0]
    warehouse.dbt("compile", "--select", "latency_percentiles_by_provider", DBT_WRITE_JSON="true")
    compiled = next(
        node["compiled_code"]
        for node in warehouse.manifest()["nodes"].values()
        if node["name"] == "latency_percentiles_by_provider"
    )
    sql = compiled.replace('"memory"."aggregates"."agg_provider_metrics"', "metrics_of_lake")
    estimate = warehouse.query(sql, metrics_of_lake="aggregates/agg_provider_metrics")
    assert estimate[0][0] == "openai"
    assert list(estimate[0][1:]) == pytest.approx(exact, rel=0.01)


def test_one_model_alone_in_a_fresh_process(warehouse: Warehouse) -> None:
    warehouse.stage("generations", "2026-01-31T22", [generation("a")])
    warehouse.stage("generations", "2026-01-31T23", [generation("b")])
    warehouse.dbt("build", "--select", "fact_generations")
    # Neither the facts nor the staging views are built here: the lake and the project tell them.
    output = warehouse.dbt(
        "build",
        "--select",
        "agg_costs",
        "agg_provider_metrics",
        "agg_technique_effectiveness",
        "dim_models",
        "focus_costs",
    )
    assert "ERROR=0" in output
    assert [row["total_requests"] for row in warehouse.rows("aggregates", "agg_provider_metrics")]
    assert warehouse.lake.table("marts", "dim_models").count() == 1
    warehouse.dbt("test", "--select", "test_type:data")


def test_no_table_changes_by_hand_that_cannot_be_written_down(warehouse: Warehouse) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    output = warehouse.dbt("build", "--select", "dim_time", expect=1, CHIMERA_DATABASE_URL=nowhere)
    assert "not done, as the audit log could not be written" in output
    assert not warehouse.lake.table("marts", "dim_time").exists()


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-01-31T05:00:00Z", None, "end_hour is missing"),
        ("2026-01-31T05:30:00Z", "2026-01-31T06:00:00Z", "expected a whole hour"),
        ("2026-01-31T06:00:00Z", "2026-01-31T07:00:00+02:00", "expected an end"),
    ],
)
def test_hours_that_cannot_be_are_reported(
    warehouse: Warehouse, start: str, end: str | None, said: str
) -> None:
    output = warehouse.dbt("build", "--select", "dim_time", start=start, end=end, expect=1)
    assert said in output
    assert not warehouse.lake.table("marts", "dim_time").exists()


MAX = 2**63 - 1


def test_an_hour_whose_sum_no_column_can_hold_stops_no_other(warehouse: Warehouse) -> None:
    for number in range(5):
        start = f"2026-01-31T{10 + number}"
        warehouse.stage("generations", start, [generation(f"e{number}", cost_usd=0.5)])
    warehouse.dbt(start="2026-01-31T10:00:00Z", end="2026-01-31T15:00:00Z")
    rows = [generation("a", tokens_used=MAX), generation("b", tokens_used=MAX)]
    warehouse.stage("generations", "2026-01-31T12", rows)
    warehouse.stage("generations", "2026-01-31T13", [generation("c"), generation("d")])
    big = [generation(f"f{number}", cost_usd=1.7e308) for number in range(2)]
    warehouse.stage("generations", "2026-01-31T11", big)

    said = warehouse.dbt(start="2026-01-31T10:00:00Z", end="2026-01-31T15:00:00Z", expect=1)

    said = " ".join(said.split())
    table = "aggregates/agg_provider_metrics"
    assert f"{table}: 2026-01-31-11:00, 2026-01-31-12:00 held back" in said
    assert "3 other hours replaced" in said
    assert str(MAX) not in said
    kept = warehouse.query("select hour, total_requests from t order by hour", t=table)
    assert kept == [(10, 1), (11, 1), (12, 1), (13, 2), (14, 1)]
    facts = warehouse.query("select count(*) from t", t="marts/fact_generations")
    assert facts == [(8,)]


@pytest.mark.parametrize(
    ("macro", "values", "result"),
    [
        ("stable_avg", [1.5e308] * 3, 1.5e308),
        ("stable_avg", [0.1, 0.2], 0.15),
        ("stable_avg", [float("nan"), 1.0], "nan"),
        ("stable_avg", [None], None),
        ("stable_sum", [0.1, 0.2, None], 0.3),
        ("stable_sum", [float("inf"), 1.0], "nan"),
        ("stable_sum", [None], None),
        ("stable_sum", [1.5e308] * 2, "a sum is beyond double precision"),
    ],
)
def test_sums_of_doubles_are_right_or_refused(
    macro: str, values: list[float | None], result: float | str | None
) -> None:
    sql = _statistic(macro)
    with duckdb.connect() as connection:
        rows = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
        connection.register("given", rows)
        asked = f"select {sql} from given"  # noqa: S608 - of the macro
        if isinstance(result, str) and " " in result:
            with pytest.raises(duckdb.Error, match=result):
                connection.execute(asked).fetchall()
            return
        found = connection.execute(asked).fetchall()[0][0]
    assert found == pytest.approx(float(result) if result is not None else None, nan_ok=True)


@pytest.mark.parametrize(
    ("kind", "values", "result"),
    [
        ("decimal(30, 12)", ["123456789012.000000000001"] * 3, "370370367036.000000000003"),
        ("decimal(30, 12)", [None], None),
        ("bigint", [str(MAX)] * 2, str(2 * MAX)),
        ("decimal(38, 30)", ["90000000"] * 2, "to DECIMAL(38,30)"),
        ("decimal(38, 30)", ["90000000"] * 4, "to DECIMAL(38,30)"),  # would run over to 2e37
    ],
)
def test_sums_of_exact_numbers_are_exact_or_refused(
    kind: str, values: list[str | None], result: str | None
) -> None:
    given = " union all ".join(f"select cast({_text(value)} as {kind}) as x" for value in values)
    asked = f"select {_statistic('stable_sum')} from ({given})"  # noqa: S608 - of the macro
    with duckdb.connect() as connection:
        if result is not None and " " in result:
            with pytest.raises(duckdb.ConversionException, match=re.escape(result)):
                connection.execute(asked).fetchall()
            return
        found = connection.execute(asked)
        (column,) = found.description or ()
        assert str(column[1]) == ("HUGEINT" if kind == "bigint" else "DECIMAL(38,12)")
        assert found.fetchall() == [(Decimal(result) if result is not None else None,)]


@given(st.lists(st.floats(-1e22, 1e22), min_size=1))
@example(
    [
        999.9999999999999,
        -1000.0,
        1000.0,
        0.1,
        4.5e-16,
        1e-7,
        -0.0,
        1.23456789012344e-5,
        123456789.12345679,
    ]
)
def test_a_double_of_money_is_the_decimal_of_its_shortest_text(values: list[float]) -> None:
    """By the macro of models, and by what `verify` recounts."""
    exact = _macro("decimals.sql", "exact_decimal")("cost_usd")
    (costs,) = (one for one in active_aggregates() if one.table == "agg_costs")
    with duckdb.connect() as connection:
        rows = pl.DataFrame({"cost_usd": values, "api_key_id": ["k"] * len(values)})
        connection.register("fact_generations", rows)
        found = connection.execute(f"select {exact} from fact_generations").fetchall()  # noqa: S608
        recounted = connection.execute(f"select delivered from ({costs.source})").fetchall()  # noqa: S608
    places = Decimal("1e-15")
    with localcontext() as context:
        context.prec = 60
        right = [Decimal(repr(one)).quantize(places, ROUND_HALF_UP) for one in values]
    assert [one for (one,) in found] == right
    assert recounted == found


def _text(value: str | None) -> str:
    return "null" if value is None else f"'{value}'"


def _statistic(macro: str) -> str:
    """The SQL of a macro of statistics over the column `x`."""
    return str(_macro("statistics.sql", f"duckdb__{macro}")("x"))


def _macro(file: str, name: str) -> Callable[[str], object]:
    text = (ROOT / "dbt_project/macros/engine" / file).read_text()
    made = jinja2.Environment().from_string(text).module  # noqa: S701
    macro: Callable[[str], object] = getattr(made, name)
    return macro
