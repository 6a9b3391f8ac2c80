"""A week of an AI gateway's traffic, invented: the same again, alive, and a little broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.postgres.connection import execute
from chimera_assets.postgres.embedded.server import EmbeddedPostgres
from chimera_assets.quality.judge import Judge
from chimera_assets.simulator import simulate
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.database import connect
from chimera_assets.sources.postgres import PostgresSource
from chimera_assets.sources.schema import init_source
from tests.shipped import SHIPPED
from tests.simulator.ai_traffic import generations, jailbreak_tests, outages, provider_health

if TYPE_CHECKING:
    from collections.abc import Iterator

MONDAY = datetime(2026, 1, 26, tzinfo=UTC)
WEEK = HourRange(MONDAY, MONDAY + timedelta(days=7))
STREAMS = ("generations", "jailbreak_tests", "provider_health")
SEED = 7


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def added() -> dict[str, int]:
    return {}


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory,
    progress: list[tuple[int, int]],
    added: dict[str, int],
) -> Iterator[str]:
    """An operational database with a simulated week."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("simulated"))
    database = server.url("operational")
    init_source(database)
    added |= simulate(
        database, WEEK, seed=SEED, on_progress=lambda done, total: progress.append((done, total))
    )
    yield database
    server.release()


def ask(url: str, sql: str) -> list[dict[str, Any]]:
    with connect(url) as connection:
        return execute(connection, sql)


@cache
def extracted(url: str, stream: str) -> pl.DataFrame:
    """A stream's week as the pipeline takes it, every row in the hour it is placed in."""
    contract = load_contracts([SHIPPED])[stream]
    batch = Batch.new(stream, WEEK.end)
    return pl.DataFrame(PostgresSource(url).now(contract).rows(WEEK, batch).read_all())


@cache
def rejected_reasons(url: str, stream: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A stream's week, and its rows that the judge rejects with their reasons."""
    known = [row["provider_id"] for row in ask(url, "SELECT provider_id FROM providers")]
    judge = Judge(load_contracts([SHIPPED])[stream], {"providers.provider_id": pl.Series(known)})
    rows = extracted(url, stream)
    return rows, judge.explain(judge.screen(rows).suspects).rejected


def test_a_week_is_loaded_day_by_day_and_no_row_is_lost(
    url: str, progress: list[tuple[int, int]], added: dict[str, int]
) -> None:
    assert progress == [(24 * day, 168) for day in range(1, 8)]
    for stream in STREAMS:
        assert extracted(url, stream).height == added[stream]
    assert added["generations"] == pytest.approx(168 * 1500, rel=0.1)
    assert added["jailbreak_tests"] == pytest.approx(0.02 * added["generations"], rel=0.2)
    assert added["provider_health"] == 168 * 12 * added["providers"]


def test_the_same_hours_again_add_nothing(url: str) -> None:
    again = simulate(url, HourRange(MONDAY, MONDAY + timedelta(hours=5)), seed=SEED)
    assert set(again) >= {"providers", *STREAMS}
    assert set(again.values()) == {0}


def test_another_seed_is_another_world() -> None:
    hour = HourRange.single(MONDAY)
    assert generations(1, hour, 300).equals(generations(1, hour, 300))
    assert not generations(1, hour, 300).equals(generations(2, hour, 300))


def made(hours: HourRange) -> tuple[pl.DataFrame, ...]:
    """All streams' rows of the hours, keys in the first columns."""
    return (
        generations(SEED, hours, 700),
        jailbreak_tests(SEED, hours, 1500),
        provider_health(SEED, hours),
    )


def test_an_hour_is_the_same_whichever_hours_are_made_with_it() -> None:
    noon = MONDAY + timedelta(days=2, hours=12)
    around = HourRange(noon - timedelta(hours=9), noon + timedelta(hours=5))
    for alone, among in zip(made(HourRange.single(noon)), made(around), strict=True):
        key = alone.columns[0]
        same_hour = among.filter(pl.col(key).str.contains(f"-{noon:%Y%m%d%H}-"))
        assert alone.sort(key).equals(same_hour.sort(key))


@pytest.mark.parametrize(
    ("stream", "kinds"),
    [
        (
            "generations",
            {
                "provider_not_null", "provider_known", "tokens_used_range", "latency_ms_range",
                "cost_usd_range", "success_not_null", "timestamp_not_in_future",
                "timestamp_not_null", "tenant_id_not_null", "model_length", "prompt_length_range",
                "success_without_error",
            },
        ),
        (
            "jailbreak_tests",
            {
                "test_type_identifier", "test_type_not_null", "asr_rate_consistent",
                "successful_mutations_within_iterations", "tenant_id_not_null",
                "timestamp_not_in_future", "timestamp_not_null",
            },
        ),
        ("provider_health", set()),
    ],
)  # fmt: skip
def test_three_rows_in_a_thousand_break_rules_in_many_ways_and_every_hour_passes(
    url: str, stream: str, kinds: set[str]
) -> None:
    rows, rejected = rejected_reasons(url, stream)
    assert kinds <= set(rejected["reasons"].explode())
    if kinds:
        assert rejected.height / rows.height == pytest.approx(0.003, abs=0.0005)
    by_hour = (
        rows.group_by(HOUR_COLUMNS)
        .len("all")
        .join(rejected.group_by(HOUR_COLUMNS).len("bad"), on=HOUR_COLUMNS)
    )
    assert by_hour.filter(pl.col("bad") > 0.008 * pl.col("all")).is_empty()


def test_a_small_gateway_has_no_bad_hours_either(url: str) -> None:
    few = generations(SEED, WEEK, 20)
    assert few["timestamp"].null_count() == few["provider"].null_count() == 0
    assert jailbreak_tests(SEED, WEEK, 1).height < 168
    added = simulate(url, HourRange.single(WEEK.end), seed=1, rows_per_hour=1)
    assert {stream: rows for stream, rows in added.items() if rows} == {
        "generations": 1, "provider_health": 60
    }  # fmt: skip
    with pytest.raises(ArgumentError, match="rows per hour: expected 1 or more, found 0"):
        simulate("postgresql://nowhere", WEEK, rows_per_hour=0)


def test_days_are_busier_than_nights_and_weekdays_than_weekends(url: str) -> None:
    hourly = extracted(url, "generations").group_by(HOUR_COLUMNS).len().sort(HOUR_COLUMNS)
    working = hourly.filter(pl.col("hour_partition").dt.weekday() <= 5)
    resting = hourly.filter(pl.col("hour_partition").dt.weekday() > 5)
    by_day = working.filter(pl.col("hour").is_between(11, 17))["len"].mean()
    by_night = working.filter(~pl.col("hour").is_between(6, 21))["len"].mean()
    assert isinstance(by_day, float)
    assert isinstance(by_night, float)
    assert by_day > 2 * by_night
    assert 2 * int(working["len"].sum()) > 1.5 * 5 * int(resting["len"].sum())


def test_an_outage_shows_in_traffic_and_in_probes(url: str) -> None:
    outage = outages(SEED, WEEK)[0]
    span = f"timestamp >= '{outage.start}' AND timestamp < '{outage.end}'"
    failed = ask(
        url,
        "SELECT provider, avg((error_code IS NOT NULL)::int)::float8 AS failed FROM generations "  # noqa: S608
        f"WHERE {span} AND provider IS NOT NULL AND provider <> 'nobody' GROUP BY 1",
    )
    shares = {row["provider"]: row["failed"] for row in failed}
    assert shares.pop(outage.provider) > 0.7
    assert max(shares.values()) < 0.25
    probes = ask(
        url,
        "SELECT DISTINCT status FROM provider_health "  # noqa: S608
        f"WHERE provider_id = '{outage.provider}' AND {span}",
    )
    assert probes == [{"status": "down"}]


@pytest.mark.parametrize("days_in", range(8))
def test_any_seven_days_have_an_outage(days_in: int) -> None:
    start = MONDAY + timedelta(days=days_in)
    week = HourRange(start, start + timedelta(days=7))
    assert any(start <= o.start and o.end <= week.end for o in outages(SEED, week))


def test_latencies_have_a_heavy_tail_and_failures_their_codes(url: str) -> None:
    _, rejected = rejected_reasons(url, "generations")
    rows = extracted(url, "generations").join(rejected, on="event_id", how="anti")
    assert rows["latency_ms"].is_between(0, 10_000).all()
    median, slow = (float(rows["latency_ms"].quantile(share) or 0) for share in (0.5, 0.99))
    assert slow > 5 * median > 0
    assert rows.filter(pl.col("success") != pl.col("error_code").is_null()).is_empty()
    assert 0.9 < rows["success"].mean() < 0.99  # type: ignore[operator]
    assert {"timeout", "rate_limited", "provider_unavailable"} <= set(rows["error_code"])
    transformed = rows["techniques_applied"].list.len()
    assert 0.15 < (transformed > 0).mean() < 0.21  # type: ignore[operator]
    assert transformed.max() == 3


def test_a_hundredth_of_the_rows_comes_late_some_by_hours(url: str) -> None:
    for stream in ("generations", "jailbreak_tests"):
        rows = extracted(url, stream).drop_nulls("timestamp")
        delay = rows["created_at"] - rows["timestamp"]
        assert 0.005 < (delay > timedelta(minutes=5)).mean() < 0.02  # type: ignore[operator]
        assert (delay > timedelta(hours=3)).any()


def test_tenants_providers_and_their_models_are_known(url: str) -> None:
    assert ask(
        url,
        "SELECT count(*) AS n FROM generations g JOIN providers p ON provider = provider_id "
        "WHERE model <> '' AND NOT model = ANY (models)",
    ) == [{"n": 0}]
    assert ask(
        url,
        "SELECT count(DISTINCT tenant_id) > 3 AS tenants, count(DISTINCT user_id) > 500 AS users, "
        "count(DISTINCT provider) > 4 AS providers FROM generations",
    ) == [{"tenants": True, "users": True, "providers": True}]
    assert ask(url, "SELECT DISTINCT enabled, updated_at > created_at AS later FROM providers") == [
        {"enabled": True, "later": True}
    ]
