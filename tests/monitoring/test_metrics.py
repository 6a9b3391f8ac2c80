"""What monitoring sees of a lake: numbers that agree with the tables, whoever reads them."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chimera_assets.contracts import contracts
from chimera_assets.hours import HourRange, parse_key
from chimera_assets.lake import Lake
from chimera_assets.monitoring.metrics.families import families
from chimera_assets.monitoring.metrics.lake_metrics import LakeMetrics
from tests.monitoring.receivers import Received, receiver, spans
from tests.site.site import ROOT, Site, environment, generations, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILIES = families()
TENANTS, TECHNIQUES = 10, 20  # as the pack's aggregates.yaml says
#: What is written while dbt runs.
OF_MODELS = ("marts/", "aggregates/", "quality/column_lineage")

GOOD, BLOCKED = keys("2026-01-10-08:00", 2)
BEFORE = keys("2026-01-10-07:00", 1)[0]

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Values:
    found: Values = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert FAMILIES[sample.name].help == family.documentation
            assert set(sample.labels) == set(FAMILIES[sample.name].labels)
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def of(values: Values, name: str, **labels: str) -> float:
    return values[name, frozenset(labels.items())]


@dataclass
class Watched:
    """A site with a collector listening, after an hour that passed and one that was blocked."""

    site: Site
    collector: Received
    first: Any
    second: Any

    def chimera(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("chimera"), *arguments],
            env=environment(self.site.home, **settings),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with receiver() as collector:
        home = tmp_path_factory.mktemp("watched") / "home"
        site = Site(home, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        rows = generations(GOOD, 200)
        rows[7] |= {"latency_ms": -4.0}
        bad = generations(BLOCKED, 50, tokens_used=-1)
        site.source.insert("generations", [*rows, *bad])
        first = site.run(GOOD)
        second = site.run(BLOCKED)
        yield Watched(site, collector, first, second)
        site.close()


@pytest.mark.criterion("AC-002.7", "AC-004.5")
def test_the_numbers_are_those_of_the_tables_and_of_the_runs(watched: Watched) -> None:
    done = watched.chimera("metrics")
    assert done.returncode == 0, done.stderr
    values = parsed(done.stdout)

    site, now = watched.site, datetime.now(UTC).timestamp()
    for (layer, name), table in ((key, site.lake.table(*key)) for key in site.lake.tables()):
        rows = table.read().select(pl.len()).collect().item()
        assert of(values, "delta_lake_row_count", layer=layer, table=name) == rows
        files = [
            Path(table.uri) / path for path in table.delta().get_add_actions()["path"].to_pylist()
        ]
        size = sum(path.stat().st_size for path in files)
        assert of(values, "delta_lake_size_bytes", layer=layer, table=name) == size

    stream = {"stream": "generations"}
    end = (parse_key(GOOD) + timedelta(hours=1)).timestamp()
    assert of(values, "chimera_event_timestamp_seconds", **stream) == end
    assert of(values, "chimera_event_lag_seconds", **stream) == pytest.approx(now - end, abs=60)
    assert of(values, "chimera_event_lag_limit_seconds", **stream) == 2 * 3600
    assert of(values, "chimera_quarantine_rows", **stream) == 51
    assert of(values, "data_quality_pass_rate", **stream) == 0
    assert of(values, "data_quality_pass_rate_threshold", **stream) == 0.99
    assert of(values, "chimera_blocked_hours", **stream) == 1
    assert of(values, "data_quality_pass_rate", stream="providers") == 1

    facts = site.rows("marts/fact_generations", GOOD)
    by = facts.group_by("provider", "tenant_id").agg(
        pl.len(), (~pl.col("success")).sum().alias("bad"), pl.col("tokens_used", "cost_usd").sum()
    )
    for provider, tenant, requests, errors, tokens, cost in by.iter_rows():
        labels = {"provider": provider, "tenant": tenant}
        assert of(values, "chimera_hour_requests", **labels) == requests
        assert of(values, "chimera_hour_errors", **labels) == errors
        assert of(values, "chimera_hour_tokens", **labels) == tokens
        assert of(values, "chimera_hour_cost_usd", **labels) == pytest.approx(cost)
    played = facts.filter(provider="openai").filter(
        pl.col("techniques_applied").list.contains("roleplay")
    )
    attack = {"technique": "roleplay", "target": "openai"}
    assert of(values, "chimera_attack_attempts", **attack) == played.height
    assert of(values, "chimera_attack_success_rate", **attack) == pytest.approx(
        played["success"].mean()
    )

    dag = {"dag": "chimera_etl_hourly"}
    assert of(values, "chimera_dag_runs_total", **dag, status="success") == 1
    assert of(values, "chimera_dag_runs_total", **dag, status="failure") == 1
    assert of(values, "chimera_dag_success", **dag) == 0
    assert of(values, "chimera_dag_hours", **dag) == 1
    assert 0 < of(values, "chimera_dag_duration_seconds", **dag) < 300
    assert of(values, "chimera_dag_running_seconds", **dag) == 0
    assert of(values, "chimera_task_failure_count", **dag, task="stage_generations") == 1
    assert of(values, "chimera_task_success_count", **dag, task="raw/generations") == 1
    assert of(values, "chimera_metrics_timestamp_seconds") == pytest.approx(now, abs=60)


def test_they_are_published_and_a_gateway_that_is_down_is_reported(watched: Watched) -> None:
    textfile = watched.site.home / "metrics" / "chimera.prom"
    with receiver() as gateway:
        url = gateway.url.replace("http://", "http://pusher:geheim%40@")
        done = watched.chimera("metrics", "--publish", CHIMERA_PUSHGATEWAY_URL=url)

    assert done.returncode == 0, done.stderr
    assert "geheim" not in done.stdout + done.stderr
    ((method, path, headers, body),) = gateway.requests
    assert method == "PUT"
    lake = base64.urlsafe_b64encode(str(watched.site.home / "lake").encode()).decode()
    assert path == f"/metrics/job/chimera/lake@base64/{lake}"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"pusher:geheim@"
    assert parsed(body.decode()).keys() == parsed(textfile.read_text()).keys()
    assert [one.name for one in textfile.parent.iterdir()] == ["chimera.prom"]

    textfile.unlink()
    down = watched.chimera("metrics", "--publish", CHIMERA_PUSHGATEWAY_URL=gateway.url)

    assert down.returncode == 1
    assert f"could not push to {gateway.url}" in " ".join(down.stderr.split())
    assert textfile.exists()


@pytest.mark.criterion("AC-001.2")
def test_spans_of_an_hour_lead_from_the_run_to_each_write(watched: Watched) -> None:
    run_id = watched.first.run_id
    mine = [one for one in spans(watched.collector) if one.trace == run_id.replace("-", "")]
    by_id = {one.id: one for one in mine}
    (run,) = [one for one in mine if one.name == "run"]
    assert (run.parent, run.error, run.service) == ("", "", "chimera-assets")
    assert run.attributes["chimera.hours"] == GOOD
    for one in mine:
        if one is run:
            continue
        parent = by_id[one.parent]
        assert parent.start <= one.start <= one.end <= parent.end
        assert parent.name == (
            "run"
            if one.name != "write" or one.attributes["chimera.table"].startswith("raw/")
            else "transform"
            if one.attributes["chimera.table"].startswith(OF_MODELS)
            else "judge"
        )
    named = {(one.name, one.attributes.get("chimera.stream")): one.attributes for one in mine}
    about = {"chimera.hours": GOOD, "dagster.run_id": run_id}
    assert named["extract", "generations"].items() >= (about | {"chimera.rows": 200}).items()
    judged = about | {"chimera.rows": 200, "chimera.quarantined": 1}
    assert named["judge", "generations"].items() >= judged.items()
    assert named["transform", None].items() >= about.items()
    written = {
        one.attributes["chimera.table"]: one.attributes["chimera.rows"]
        for one in mine
        if one.name == "write"
    }
    expected = {"raw": 200, "staged": 199, "quarantine": 1}
    for layer, rows in expected.items():
        assert written[f"{layer}/generations"] == rows
    assert written["marts/fact_generations"] == 199
    assert "aggregates/agg_provider_metrics" in written


def test_a_blocked_hours_run_is_marked_and_no_value_is_reported(watched: Watched) -> None:
    trace = watched.second.run_id.replace("-", "")
    mine = [one for one in spans(watched.collector) if one.trace == trace]
    (run,) = [one for one in mine if one.name == "run"]
    assert run.error == "StepFailure"
    sent = b"".join(body for *_, body in watched.collector.requests)
    assert b"user-" not in sent
    assert b"example.com" not in sent


def test_many_tenants_and_techniques_share_a_label(tmp_path: Path) -> None:
    lake, count = Lake(str(tmp_path)), 3 * max(TENANTS, TECHNIQUES)
    hours = HourRange.from_keys(BEFORE, GOOD)
    numbers = (
        pl.DataFrame({"n": range(count)})
        .select(
            hour_partition=pl.lit(hours.start.date()),
            # The tenants that had most are not those of the newest hour alone.
            hour=pl.when(pl.col("n") % 2 == 0)
            .then(hours.start.hour)
            .otherwise(hours.start.hour + 1),
            tenant_id=pl.format("t{}", "n"),
            technique=pl.format("x{}", "n"),
            provider=pl.lit("p"),
            target_provider=pl.lit(None, pl.String),
            total_requests=pl.col("n") + 1,
            failed_requests=pl.lit(0),
            total_tokens=pl.lit(2**40),
            total_cost_usd=pl.lit(None, pl.Float64),
            attempts=pl.col("n"),
            successes=pl.col("n") // 2,
        )
        .with_columns(pl.col("hour").cast(pl.Int32))
    )
    for name in ("agg_provider_metrics", "agg_technique_effectiveness"):
        lake.table("aggregates", name).write_hours(numbers, hours)

    samples = list(LakeMetrics(lake, contracts().values()).samples(datetime.now(UTC)))

    requests = {s.labels[1]: s.value for s in samples if s.name == "chimera_hour_requests"}
    newest = numbers.filter(hour=hours.start.hour + 1)
    assert sum(requests.values()) == newest["total_requests"].sum()
    assert len(requests) == TENANTS // 2 + 1
    assert requests[f"t{count - 1}"] == count
    tokens = {s.labels[1]: s.value for s in samples if s.name == "chimera_hour_tokens"}
    assert sum(tokens.values()) == newest.height * 2**40
    assert not [s for s in samples if s.name == "chimera_hour_cost_usd"]  # not known, so not 0
    attempts = {s.labels: s.value for s in samples if s.name == "chimera_attack_attempts"}
    assert len(attempts) == TECHNIQUES + 1
    assert sum(attempts.values()) == numbers["attempts"].sum()
    assert {target for _, target in attempts} == {"unknown"}


def test_a_lag_grows_though_nothing_happens_and_nothing_is_read_again(tmp_path: Path) -> None:
    lake, hours = Lake(str(tmp_path)), HourRange.from_keys(GOOD, GOOD)
    rows = pl.DataFrame({"hour_partition": [hours.start.date()], "hour": [8], "event_id": ["e"]})
    staged = lake.table("staged", "generations")
    staged.write_hours(rows.with_columns(pl.col("hour").cast(pl.Int32)), hours)
    taken = LakeMetrics(lake, contracts().values())

    def lag(hours_later: int) -> float:
        samples = taken.samples(hours.end + timedelta(hours=hours_later))
        found = {(sample.name, *sample.labels): sample.value for sample in samples}
        return found["chimera_event_lag_seconds", "generations"]

    assert lag(0) == 0
    for data in tmp_path.rglob("*.parquet"):
        data.unlink()
    assert (lag(1), lag(50)) == (3600, 180_000)


def test_a_gateway_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chimera_assets.monitoring.metrics import publish
    from chimera_assets.settings import get_settings

    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path))
    monkeypatch.setattr(publish, "_PUSH_SECONDS", 0.3)
    get_settings.cache_clear()
    publish.open_lake.cache_clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = datetime.now(UTC)
        done = publish._pushed(publish.registry_of([]), url, "wrote")
    get_settings.cache_clear()
    publish.open_lake.cache_clear()
    assert not done.complete
    assert "timed out" in done.message
    assert datetime.now(UTC) - began < timedelta(seconds=5)
