"""Real data through the real job: an LLM service's requests, and outcomes of jailbreak attempts."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.site.site import ROOT, keys

if TYPE_CHECKING:
    from tests.site.site import Site

DATA = ROOT.parent / "shared" / "data"
AZURE = DATA / "azure_llm_inference_2023_code.csv"
JAILBREAKBENCH = DATA / "jailbreakbench_pair_gcg.csv"


def read(path: Any) -> list[dict[str, str]]:
    if not path.exists():
        pytest.skip(f"the real data is not here: {path} (its README says where it is from)")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    return pl.DataFrame(rows).write_csv().encode()


@pytest.mark.parametrize(("source", "day"), [("database", "2023-11-16"), ("files", "2023-11-17")])
def test_the_azure_trace_is_taken_whole_and_its_tokens_add_up(
    site: Site, source: str, day: str
) -> None:
    """The trace is of one day; the files have it on the next, as the site has both."""
    first, second = hours = keys(f"{day}-18:00", 2)
    requests = read(AZURE)
    tokens: Counter[str] = Counter()
    rows = []
    for number, request in enumerate(requests):
        # PostgreSQL keeps microseconds: cut off, so that none is rounded into the next hour.
        moment = request["TIMESTAMP"].replace("2023-11-16", day)
        moment = moment[:26] if source == "database" else moment
        used = int(request["ContextTokens"]) + int(request["GeneratedTokens"])
        tokens[moment[11:13]] += used
        rows.append(
            {
                "event_id": f"azure-{source}-{number}",
                "timestamp": f"{moment}Z" if source == "database" else moment,
                "tenant_id": "default",
                "provider": "azure",
                "model": "code",
                "success": True,
                "tokens_used": used,
                "created_at": f"{moment}Z",
            }
        )
    site.source.execute(
        "INSERT INTO providers (provider_id, provider_name) VALUES ('azure', 'Azure') "
        "ON CONFLICT DO NOTHING"
    )
    if source == "database":
        site.source.insert("generations", rows)
    else:
        site.drop("generations/azure/first.csv", csv_of(rows[:4_000]))
        site.drop("generations/azure/rest.jsonl.gz", gzip.compress(lines(rows[4_000:])))
        landed = site.process.ask("land")
        assert landed["metadata"]["landing/generations"]["rows"] == len(rows)
        assert landed["checks"]["landing/generations"][0]

    ran = site.run(first, second)

    assert ran.success, ran.failed
    assert not ran.broken_checks
    facts = site.rows("marts/fact_generations", first, second)
    assert facts.height == len(requests) == 8_819
    assert facts["event_id"].n_unique() == len(requests)
    unknown = ["user_id", "prompt_length", "response_length", "latency_ms", "cost_usd"]
    assert facts.select(pl.col(unknown).null_count()).row(0) == (len(requests),) * len(unknown)
    assert site.count("quarantine/generations", first, second) == 0
    for hour in hours:
        expected = tokens[hour[11:13]]
        of_hour = site.rows("marts/fact_generations", hour)
        assert of_hour["tokens_used"].sum() == expected
        metric = site.rows("aggregates/agg_provider_metrics", hour).row(0, named=True)
        assert (metric["provider"], metric["model"]) == ("azure", "code")
        assert metric["total_tokens"] == expected
        assert metric["total_requests"] == metric["successful_requests"] == of_hour.height
        assert metric["p95_latency_ms"] is None


PUBLISHED_RATES = {
    ("pair", "vicuna-13b-v1.5"): 69,
    ("pair", "llama-2-7b-chat-hf"): 0,
    ("pair", "gpt-3.5-turbo-1106"): 71,
    ("pair", "gpt-4-0125-preview"): 34,
    ("gcg", "vicuna-13b-v1.5"): 80,
    ("gcg", "llama-2-7b-chat-hf"): 3,
    ("gcg", "gpt-3.5-turbo-1106"): 47,
    ("gcg", "gpt-4-0125-preview"): 4,
}


@pytest.mark.parametrize(("source", "day"), [("database", "2024-03-18"), ("files", "2024-03-19")])
def test_jailbreakbench_gives_the_published_success_rates(
    site: Site, source: str, day: str
) -> None:
    """The file has days, no times: behaviour n is put at minute n of hour n modulo 6 of one day."""
    hours = keys(f"{day}-00:00", 6)
    rows = []
    for attempt in read(JAILBREAKBENCH):
        number = int(attempt["behavior_index"])
        moment = f"{day}T{number % len(hours):02d}:{number % 60:02d}:00Z"
        success = int(attempt["jailbroken"] == "True")
        method = attempt["method"].lower()
        rows.append(
            {
                "test_id": f"{method}-{attempt['target_model']}-{number}",
                "timestamp": moment,
                "tenant_id": "default",
                "test_type": method,
                "target_model": attempt["target_model"],
                "iterations": 1,
                "successful_mutations": success,
                "asr_rate": float(success),
                "created_at": moment,
            }
        )
    if source == "database":
        site.source.insert("jailbreak_tests", rows)
    else:
        site.drop("jailbreak_tests/outcomes.csv.gz", gzip.compress(csv_of(rows)))
        assert site.process.ask("land")["success"]

    ran = site.run(hours[0], hours[-1])

    assert ran.success, ran.failed
    assert not ran.broken_checks
    effective = site.rows("aggregates/agg_technique_effectiveness", hours[0], hours[-1])
    totals = effective.group_by("technique", "target_model").agg(
        pl.col("attempts", "successes").sum(),
        rate=pl.col("successes").sum() / pl.col("attempts").sum(),
    )
    found = {(row[0], row[1]): row[2:] for row in totals.iter_rows()}
    assert found == {key: (100, n, n / 100) for key, n in PUBLISHED_RATES.items()}
    within = effective.filter(pl.col("success_rate") * pl.col("attempts") != pl.col("successes"))
    assert (within["success_rate"] - within["successes"] / within["attempts"]).abs().sum() < 1e-9
    assert effective.select("hour_partition", "hour").n_unique() == len(hours)
