"""A gateway's own records, read as they are: what they cost is what a sum beside them says."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.sources.contract_check import source_problems
from chimera_assets.sources.errors import SourceTableMissing
from tests.packs.test_adapted_files import adapted
from tests.site.site import Site, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

#: As Prisma makes it of LiteLLM's schema; older versions lack the columns of the second.
TABLE = """
CREATE TABLE "LiteLLM_SpendLogs" (
    request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL DEFAULT '',
    spend double precision NOT NULL DEFAULT 0.0, total_tokens integer NOT NULL DEFAULT 0,
    prompt_tokens integer NOT NULL DEFAULT 0, completion_tokens integer NOT NULL DEFAULT 0,
    "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL,
    "completionStartTime" timestamp(3), model text NOT NULL DEFAULT '',
    model_id text DEFAULT '', model_group text DEFAULT '', custom_llm_provider text DEFAULT '',
    api_base text DEFAULT '', "user" text DEFAULT '', metadata jsonb DEFAULT '{}',
    cache_hit text DEFAULT '', cache_key text DEFAULT '', request_tags jsonb DEFAULT '[]',
    team_id text, end_user text, requester_ip_address text, messages jsonb DEFAULT '{}',
    response jsonb DEFAULT '{}', session_id text, status text, mcp_namespaced_tool_name text,
    proxy_server_request jsonb DEFAULT '{}'
)
"""
LATER = """
ALTER TABLE "LiteLLM_SpendLogs" ADD request_duration_ms integer, ADD organization_id text,
    ADD agent_id text, ADD created_at timestamp(3) NOT NULL DEFAULT now(),
    ADD updated_at timestamp(3) NOT NULL DEFAULT now()
"""
HOUR = "2026-03-29-01:00"  # in which Europe's clocks skip an hour; LiteLLM's are UTC
START = datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(
        tmp_path_factory.mktemp("litellm") / "home",
        CHIMERA_ADAPTERS="litellm",
        CHIMERA_STREAMS="generations",
    )
    made.source.execute(TABLE)
    yield made
    made.close()


def request(number: int, **about: Any) -> dict[str, Any]:
    """A request as the proxy logs it."""
    began = START + timedelta(seconds=number)
    prompt, completion = 100 + number, 20 + number % 7
    return {
        "request_id": f"chatcmpl-{number}", "call_type": "acompletion",
        "api_key": "a-hash", "spend": round(0.0001 * number, 6),
        "total_tokens": prompt + completion, "prompt_tokens": prompt,
        "completion_tokens": completion, "startTime": f"{began:%Y-%m-%dT%H:%M:%S.%f}",
        "endTime": f"{began + timedelta(seconds=2.5):%Y-%m-%dT%H:%M:%S.%f}",
        "model": "example-model", "custom_llm_provider": "openai", "user": "u-1",
        "metadata": {"status": "success", "usage_object": None}, "cache_hit": "False",
        "request_tags": ["team:blue", 'a "tag", quoted'], "team_id": "acme", "end_user": "",
        "status": "success", "session_id": "talk-1",
    } | about  # fmt: skip


def usage(**tokens: int) -> dict[str, Any]:
    """Metadata with what the provider said of tokens."""
    read, write = tokens.get("read", 0), tokens.get("write", 0)
    return {
        "status": "success",
        "usage_object": {
            "prompt_tokens_details": {"cached_tokens": read, "cache_creation_tokens": write},
            "completion_tokens_details": {"reasoning_tokens": tokens.get("reasoning", 0)},
        },
    }


FAILURE = {"status": "failure", "error_information": {"error_code": "429",
           "error_class": "RateLimitError"}}  # fmt: skip
KINDS: list[dict[str, Any]] = [
    {},
    {"call_type": "acompletion", "completionStartTime": "2026-03-29T01:00:01"},  # streamed
    {"metadata": usage(read=64)},
    {"metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": None},
                                   "cache_read_input_tokens": 3}}},
    {"status": "", "request_tags": [1, None, {"a": 1}, "kept"]},
    {"metadata": usage(read=10, write=32, reasoning=5), "custom_llm_provider": "anthropic"},
    {"cache_hit": "True", "spend": 0},
    {"status": "failure", "metadata": FAILURE, "spend": 0, "total_tokens": 0, "prompt_tokens": 0,
     "completion_tokens": 0, "custom_llm_provider": "", "model": "", "model_group": "a-group"},
    {"status": None, "team_id": None, "end_user": "alice@example.com", "spend": 0},  # an old one
    {"endTime": "2026-03-29T01:59:59", "request_tags": [], "api_key": ""},  # it took an hour
]  # fmt: skip


def test_costs_and_tokens_are_those_of_the_gateway(gateway: Site) -> None:
    random = Random(7)  # noqa: S311 - no secret
    rows = [request(number, **random.choice(KINDS)) for number in range(200)]
    retried = [
        request(number, request_id=f"chatcmpl-{number}-retry", **FAILED) for number in range(5)
    ]
    gateway.source.insert('"LiteLLM_SpendLogs"', rows + retried)

    ran = gateway.run(HOUR)

    assert ran.success, ran.failed
    facts = gateway.rows("marts/fact_generations", HOUR)
    assert facts.height == 205
    written = [Decimal(repr(row["spend"])) for row in [*rows, *retried]]
    assert sum(Decimal(repr(one)) for one in facts["cost_usd"]) == sum(written)
    assert facts["tokens_used"].sum() == sum(row["total_tokens"] for row in [*rows, *retried])
    by_id = {row["event_id"]: row for row in facts.to_dicts()}
    for row in rows:
        check(row, by_id[row["request_id"]])
    assert gateway.content("quarantine/generations", HOUR).is_empty()


FAILED = KINDS[5]


def check(row: dict[str, Any], fact: dict[str, Any]) -> None:
    """A fact is what the row says, by another reading."""
    hit, status = row["cache_hit"] == "True", row["status"] or "success"
    details = dict((row["metadata"].get("usage_object") or {}).get("prompt_tokens_details", {}))
    if "cached_tokens" in details and details["cached_tokens"] is None:
        details["cached_tokens"] = 3
    assert fact["tenant_id"] == (row["team_id"] or "default")
    assert fact["user_id"] == (row["end_user"] or row["user"])
    assert fact["provider"] == (row["custom_llm_provider"] or "unknown")
    assert fact["model"] == (row["model"] or row.get("model_group"))
    assert fact["success"] == (status == "success")
    assert fact["error_code"] == (None if status == "success" else "429")
    assert fact["input_tokens"] == (0 if hit else row["prompt_tokens"])
    assert fact["output_tokens"] == (0 if hit else row["completion_tokens"])
    assert fact["cache_read_tokens"] == (0 if hit else details.get("cached_tokens"))
    assert fact["cache_write_tokens"] == (0 if hit else details.get("cache_creation_tokens"))
    assert fact["tags"] == [tag for tag in row["request_tags"] if isinstance(tag, str)]
    assert fact["api_key_id"] == (row["api_key"] or None)
    assert fact["session_id"] == "talk-1"
    began = datetime.fromisoformat(row["startTime"]).replace(tzinfo=UTC)
    ended = datetime.fromisoformat(row["endTime"]).replace(tzinfo=UTC)
    assert fact["timestamp"] == began
    assert fact["latency_ms"] == pytest.approx((ended - began) / timedelta(milliseconds=1))


def test_what_does_not_fit_is_told_before_a_run(gateway: Site) -> None:
    contract = adapted("litellm")
    assert source_problems(gateway.source.url, contract) == []
    gateway.source.execute('ALTER TABLE "LiteLLM_SpendLogs" RENAME status TO later_status')
    try:
        assert source_problems(gateway.source.url, contract) == []
    finally:
        gateway.source.execute('ALTER TABLE "LiteLLM_SpendLogs" RENAME later_status TO status')
    gateway.source.execute('ALTER TABLE "LiteLLM_SpendLogs" RENAME total_tokens TO tokens')
    try:
        (problem,) = source_problems(gateway.source.url, contract)
    finally:
        gateway.source.execute('ALTER TABLE "LiteLLM_SpendLogs" RENAME tokens TO total_tokens')
    assert (problem.path, problem.what) == (contract.adapter, "column tokens_used")
    assert "tokens_used: {physicalName" in problem.path.read_text().splitlines()[problem.line - 1]
    elsewhere = dataclasses.replace(contract, source_table='"LiteLLM_Spend"')
    with pytest.raises(SourceTableMissing, match="connect to the database that litellm writes to"):
        source_problems(gateway.source.url, elsewhere)


def test_late_rows_and_corrections_come_in_with_the_next_tick(gateway: Site) -> None:
    hour, other = keys("2026-03-29-02:00", 2)
    begun = [request(3600 + number, spend=1.0) for number in range(3)]
    gateway.source.insert('"LiteLLM_SpendLogs"', begun)
    assert gateway.run(hour, other).success
    gateway.source.execute(LATER)
    gateway.source.execute(
        'UPDATE "LiteLLM_SpendLogs" SET spend = 2.5, "endTime" = "endTime" + interval \'1 s\''
        " WHERE request_id = 'chatcmpl-3600'"
    )
    gateway.source.insert(
        '"LiteLLM_SpendLogs"',
        [
            request(
                3700, spend=0.25, created_at="2026-03-29T03:00:00", updated_at="2026-03-29T03:00:00"
            )
        ],
    )

    gateway.tick()

    assert gateway.rows("marts/fact_generations", hour)["cost_usd"].sum() == 2.5 + 2 + 0.25


def test_a_collectors_spans_come_to_facts_that_add_up(gateway: Site) -> None:
    hour = "2026-03-29-07:00"
    began = 1_774_767_600_000_000_000  # 07:00
    site = gateway.beside(CHIMERA_ADAPTERS="otel")
    used = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}
    spans = [
        {
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": f"{number:016x}",
            "startTimeUnixNano": str(began + number), "endTimeUnixNano": str(began + 10**12),
            "attributes": [
                {"key": "gen_ai.request.model", "value": {"stringValue": "example-model"}},
                *([used] * (number % 2)),
            ],
        }
        for number in range(10)
    ]  # fmt: skip
    lines = [{"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]} for one in spans]
    site.drop("generations/spans.jsonl", "".join(json.dumps(one) + "\n" for one in lines).encode())

    assert site.process.ask("land")["success"]
    ran = site.run(hour)
    assert ran.success, ran.failed
    facts = site.rows("marts/fact_generations", hour)
    assert facts["input_tokens"].to_list().count(7) == facts["tokens_used"].count() == 5
    (sums,) = site.rows("aggregates/agg_provider_metrics", hour).to_dicts()
    assert (sums["total_requests"], sums["total_tokens"]) == (10, 35)
    assert (sums["provider"], sums["tenant_id"]) == ("unknown", "default")
    site.close()
