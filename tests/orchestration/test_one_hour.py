"""One hour's way through all layers, run again, and mended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tests.site.site import generations, keys

if TYPE_CHECKING:
    from tests.site.site import Ran, Site

BEFORE, HOUR, MENDED = keys("2026-01-10-08:00", 3)
ROWS = 400
TABLES = (
    "raw/generations",
    "staged/generations",
    "quarantine/generations",
    "marts/fact_generations",
    "aggregates/agg_provider_metrics",
    "aggregates/agg_technique_effectiveness",
)

THREE = {"latency_ms": -4.0, "tokens_used": -1, "provider": "nobody"}


@dataclass
class Hour:
    """The site after the hour's first run."""

    site: Site
    ran: Ran


@pytest.fixture(scope="module")
def hour(site: Site) -> Hour:
    """A good hour, then one with a row that breaks three rules, odd values, and a key thrice.

    In the last one a row is bad that will be mended.
    """
    source = site.source
    # An existing database need not have our primary key, and a gateway may send twice.
    source.execute("ALTER TABLE generations DROP CONSTRAINT generations_pkey")
    source.insert("generations", generations(BEFORE, 50))
    rows = generations(HOUR, ROWS)
    rows[7] |= THREE
    rows[8] |= {"cost_usd": "NaN"}
    rows[9] |= {"timestamp": "infinity"}
    twins = [
        rows[20] | {"created_at": "2026-01-10T09:59:00Z", "latency_ms": 777.0},
        rows[20] | {"created_at": "2026-01-10T09:58:00Z", "latency_ms": 666.0},
    ]
    source.insert("generations", [*rows, *twins])
    others = generations(MENDED, 100)
    others[7] |= THREE
    source.insert("generations", others)
    ran = site.run(BEFORE, MENDED)
    assert ran.success, ran.failed
    return Hour(site, ran)


@pytest.mark.criterion("AC-002.4", "AC-004.1", "AC-004.5")
def test_every_row_is_in_one_place_and_the_checks_say_so(hour: Hour) -> None:
    site = hour.site
    counted = {table: site.count(table, HOUR) for table in TABLES[:4]}
    assert counted == {
        "raw/generations": ROWS + 2,
        "staged/generations": ROWS - 3,
        "quarantine/generations": 3,
        "marts/fact_generations": ROWS - 3,
    }
    totals = site.rows("aggregates/agg_provider_metrics", HOUR)
    assert totals["total_requests"].sum() == ROWS - 3
    accounts = site.rows("quality/batches").filter(
        pl.col("stream") == "generations", run_id=hour.ran.run_id
    )
    this = accounts.row(accounts["extracted"].to_list().index(ROWS + 2), named=True)
    assert (this["staged"], this["quarantined"], this["duplicates"]) == (ROWS - 3, 3, 2)
    assert this["published"]
    assert not hour.ran.broken_checks
    for partition in (BEFORE, HOUR, MENDED):
        assert hour.ran.check("staged/generations", "pass_rate", partition)["passed"]


@pytest.mark.criterion("AC-002.3")
def test_a_row_that_breaks_three_rules_is_one_quarantine_row_with_three_reasons(hour: Hour) -> None:
    bad = hour.site.rows("quarantine/generations", HOUR)
    row = bad.row(by_predicate=pl.col("row_key") == "2026-01-10T09-0007", named=True)
    assert row["reasons"] == ["latency_ms_range", "provider_known", "tokens_used_range"]
    record = json.loads(row["record"])
    assert {name: record[name] for name in THREE} == THREE
    assert row["batch_id"] == hour.site.rows("raw/generations", HOUR)["_batch_id"].unique().item()


def test_odd_values_keep_their_original_text(hour: Hour) -> None:
    bad = hour.site.rows("quarantine/generations", HOUR)
    by_key = {row["row_key"]: row for row in bad.iter_rows(named=True)}
    nan, infinite = by_key["2026-01-10T09-0008"], by_key["2026-01-10T09-0009"]
    assert json.loads(nan["record"])["cost_usd"].lower() == "nan"
    assert nan["reasons"] == ["cost_usd_range"]
    assert json.loads(infinite["record"])["timestamp"] == "infinity"
    assert infinite["event_time"] is None
    assert "readable" in infinite["reasons"]


def test_the_latest_of_a_key_is_published(hour: Hour) -> None:
    facts = hour.site.rows("marts/fact_generations", HOUR)
    assert facts.filter(pl.col("event_id") == "2026-01-10T09-0020")["latency_ms"].to_list() == [777]


def test_running_again_changes_nothing(hour: Hour) -> None:
    site = hour.site
    seen = ["batch_id", "last_seen"]
    before = {table: site.content(table, HOUR).drop(seen, strict=False) for table in TABLES}
    others = {table: site.rows(table, BEFORE) for table in TABLES}
    old = site.rows("quarantine/generations", HOUR)

    again = site.run(HOUR)

    assert again.success, again.failed
    for table in TABLES:
        same = site.content(table, HOUR).drop(seen, strict=False)
        assert same.equals(before[table]), table
        assert site.rows(table, BEFORE).equals(others[table]), table
    new = site.rows("quarantine/generations", HOUR)
    assert new["first_seen"].equals(old["first_seen"])
    assert (new["last_seen"] > old["last_seen"]).all()


def test_a_mended_row_leaves_the_quarantine(hour: Hour) -> None:
    site, key = hour.site, "2026-01-10T10-0007"
    assert site.rows("quarantine/generations", MENDED)["row_key"].to_list() == [key]
    site.source.execute(
        "UPDATE generations SET latency_ms = 4, tokens_used = 1, provider = 'openai' "
        "WHERE event_id = '2026-01-10T10-0007'"
    )

    mended = site.run(MENDED)

    assert mended.success, mended.failed
    assert not site.count("quarantine/generations", MENDED)
    facts = site.rows("marts/fact_generations", MENDED)
    assert facts.filter(pl.col("event_id") == key)["latency_ms"].to_list() == [4]
