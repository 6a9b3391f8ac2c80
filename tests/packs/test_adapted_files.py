"""Files of other tools, dropped as those tools write them, are rows of the pack's streams."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from chimera_assets.contracts import load_contract
from chimera_assets.lake import Lake
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.packs.adapters import read_adapter
from chimera_assets.quality import Judge
from chimera_assets.run_context import RunContext
from chimera_assets.sources.landing import Place, json_document, load_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from chimera_assets.contracts import Contract

    Drop = Callable[..., list[dict[str, Any]]]

AI = SHIPPED_PACKS / "ai"


def adapted(name: str) -> Contract:
    """The shipped contract that an adapter changes."""
    adapter = read_adapter(AI / "adapters" / f"{name}.yaml")
    return load_contract(AI / "contracts" / f"{adapter.changes.stream}.odcs.yaml", adapter)


def json_lines(rows: Iterable[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """Drops a file and loads it; gives the rows that landed, without what is null."""

    def drop(contract: Contract, name: str, content: str) -> list[dict[str, Any]]:
        file = tmp_path / "landing" / contract.stream / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.utime(file, (time.time() - 3600, time.time() - 3600))
        lake = Lake(str(tmp_path / "lake"))
        run = RunContext(lake, datetime.now(UTC), "run")
        load_files(run, contract, Place(str(tmp_path / "landing")), pause=0.01)
        landed = lake.table("landing", contract.stream).read()
        mine = landed.filter(pl.col("_file") == str(file)).collect()
        return [
            {name: value for name, value in row.items() if value is not None}
            for row in mine.sort("_line", contract.key[0]).to_dicts()
        ]

    return drop


def reasons(contract: Contract, rows: list[dict[str, Any]]) -> list[list[str]]:
    """The rules that each row breaks."""
    kept = {"hour_partition": pl.Date, "hour": pl.Int32, "_unreadable": pl.String}
    schema = {**contract.polars_schema(), **kept}
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema)
    judge = Judge(contract, {})
    suspects = judge.screen(frame).suspects
    return judge.explain(suspects).rejected["reasons"].to_list()


def attributes(**given: object) -> list[dict[str, object]]:
    """OTLP's attributes; integers are texts in its JSON."""
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
    return [
        {
            "key": key.replace("__", "."),
            "value": {kinds[type(one)]: str(one) if type(one) is int else one},
        }
        for key, one in given.items()
    ]


def span(
    number: int, *, status: object = None, parent: str = "", **given: object
) -> dict[str, Any]:
    began = 1_769_835_600_000_000_000 + number * 1_000_000_000
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"eee19b7ec3c1b1{number:02x}",
        "parentSpanId": parent,
        "name": "chat example-model",
        "kind": 3,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + 1_234_567_891),
        "attributes": attributes(**given),
        "status": status or {},
    }


def batch(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = attributes(service__name="shop", service__version="1.2.3", service__namespace="acme")
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [{"scope": {"name": "an.instrumentation"}, "spans": list(spans)}],
            }
        ]
    }


def test_spans_of_a_collector_are_generations(drop: Drop) -> None:
    now = {
        "gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai",
        "gen_ai__request__model": "example-model", "gen_ai__usage__input_tokens": 120,
        "gen_ai__usage__output_tokens": 30, "gen_ai__usage__cache_read__input_tokens": 100,
        "gen_ai__usage__reasoning__output_tokens": 20, "gen_ai__conversation__id": "talk-1",
    }  # fmt: skip
    before = {"gen_ai__system": "anthropic", "gen_ai__request__model": "old-model",
              "gen_ai__usage__prompt_tokens": 7, "gen_ai__usage__completion_tokens": 5}  # fmt: skip
    failed = {"gen_ai__provider__name": "openai", "gen_ai__request__model": "example-model",
              "error__type": "429"}  # fmt: skip
    tool = {"gen_ai__operation__name": "execute_tool", "gen_ai__request__model": "example-model"}
    streamed = {"gen_ai__provider__name": "openai", "gen_ai__request__model": "example-model"}
    contract = adapted("otel")
    content = json_lines(
        [
            batch(span(1, parent="ab", **now), span(2, **tool), span(3)),
            batch(span(4, **before), span(5, status={"code": 2}, **failed)),
            batch(span(6, **streamed)),
        ]
    )

    rows = drop(contract, "spans.jsonl", content + "{cut off\n")

    first, old, error, unknown, torn = rows
    assert first["event_id"] == "5b8efff798038103d269b633813fc60c:eee19b7ec3c1b101"
    assert first["timestamp"] == datetime(2026, 1, 31, 5, 0, 1, tzinfo=UTC)
    assert first["latency_ms"] == pytest.approx(1234.567891)
    assert (first["tenant_id"], first["provider"], first["model"]) == (
        "acme",
        "openai",
        "example-model",
    )
    tokens = ("tokens_used", "input_tokens", "output_tokens", "cache_read_tokens")
    assert [first[name] for name in tokens] == [150, 120, 30, 100]
    assert first["reasoning_tokens"] == 20
    assert (first["session_id"], first["parent_id"]) == ("talk-1", "ab")
    assert (first["release"], first["_line"]) == ("1.2.3", 1)
    assert (old["provider"], old["tokens_used"], old["_line"]) == ("anthropic", 12, 2)
    assert (error["success"], error["error_code"], error["tokens_used"]) == (False, "429", 0)
    assert unknown["success"]
    assert "tokens_used" not in unknown  # nobody asked the provider how many
    assert json.loads(torn["_unreadable"])["_rule"] == "malformed_line"
    assert torn["_line"] == 4
    assert reasons(contract, rows) == [["malformed_line"]]


def test_every_request_of_a_model_is_a_row_whatever_it_is_called(drop: Drop) -> None:
    model, used = {"gen_ai__request__model": "m"}, {"gen_ai__usage__input_tokens": 3}
    requests = [
        {"gen_ai__operation__name": "Chat", **model},
        {"gen_ai__operation__name": "image_generation", **model},
        {"gen_ai__operation__name": "an.own", **used},
        {"gen_ai__operation__name": "chat", "error__type": "timeout"},  # before it knew the model
        used,
    ]
    others = [
        {"gen_ai__operation__name": name, **model, **used}
        for name in ("create_agent", "Execute_Tool", "invoke_agent", "invoke_workflow", "retrieval")
    ]
    spans = [
        span(n, **given) for n, given in enumerate([*requests, *others, {"http__method": "GET"}])
    ]

    rows = drop(adapted("otel"), "spans.jsonl", json_lines([batch(*spans)]))

    assert [row["model"] for row in rows] == ["m", "m", "unknown", "unknown", "unknown"]
    assert [row["success"] for row in rows] == [True, True, True, False, True]


def test_tokens_and_times_that_are_no_numbers_are_told_and_not_computed_with(drop: Drop) -> None:
    model = {"gen_ai__request__model": "example-model", "gen_ai__provider__name": "openai"}
    odd = ["123456789012345678901234567890", "many", "9.9", str(2**63 - 1)]
    spans = [span(number, **model, gen_ai__usage__output_tokens=5) for number in range(len(odd))]
    for one, text in zip(spans, odd, strict=True):
        one["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": text}})
    timeless = span(9, **model, gen_ai__usage__input_tokens=1) | {"startTimeUnixNano": "soon"}
    contract = adapted("otel")

    *rows, without = drop(contract, "odd.jsonl", json_lines([batch(*spans, timeless)]))

    for row, text in zip(rows, odd, strict=True):
        told = json.loads(row["_unreadable"])
        assert told.get("input_tokens", text) == text
        assert "tokens_used" in told
        assert "tokens_used" not in row
    assert json.loads(without["_unreadable"])["timestamp"] == "soon"
    assert "latency_ms" not in without
    assert all("readable" in broken for broken in reasons(contract, rows))


def test_tokens_add_up_however_a_whole_number_is_written(drop: Drop) -> None:
    whole = {"1000.0": 1000, "1e2": 100, "100.0": 100, " 7": 7, "+12": 12, 2000.0: 2000}
    odd: list[object] = ["9.5", "", "many", True]
    spans = [
        span(
            at,
            gen_ai__request__model="example-model",
            gen_ai__usage__input_tokens=one,
            gen_ai__usage__output_tokens=500,
        )
        for at, one in enumerate([*whole, *odd, ""])
    ]
    spans[-1]["attributes"][1]["value"] = {"arrayValue": {"values": [{"intValue": "1"}]}}

    rows = drop(adapted("otel"), "whole.jsonl", json_lines([batch(*spans)]))

    for row, number in zip(rows, whole.values(), strict=False):
        assert (row["input_tokens"], row["tokens_used"]) == (number, number + 500)
    for row in rows[len(whole) :]:
        told = json.loads(row["_unreadable"])
        assert told["tokens_used"] == f"{told['input_tokens']} + 500"
        assert "tokens_used" not in row


@pytest.mark.parametrize(
    ("tenant", "text"), [("acme", "acme"), (7, "7"), (True, "true"), (1.5, "1.5")]
)
def test_the_tenant_is_said_of_a_span_its_scope_or_its_resource(
    drop: Drop, tenant: object, text: str
) -> None:
    said, other = attributes(tenant__id=tenant), attributes(tenant__id="other")
    documents = []
    for at in range(3):
        places = [[], [], []] if at > 1 else [[], other, other]
        places[at] = said
        document = batch(span(at, gen_ai__request__model="example-model"))
        (spans,) = document["resourceSpans"]
        (scope,) = spans["scopeSpans"]
        scope["spans"][0]["attributes"] += places[0]
        scope["scope"]["attributes"] = places[1]
        spans["resource"]["attributes"] += places[2]
        documents.append(document)

    rows = drop(adapted("otel"), "tenants.jsonl", json_lines(documents))

    assert [row["tenant_id"] for row in rows] == [text] * 3


@pytest.mark.parametrize("name", ["otel", "garak", "promptfoo", "pyrit"])
def test_a_file_of_another_tool_is_not_loaded_in_silence(drop: Drop, name: str) -> None:
    contract = adapted(name)
    foreign = {"some": "thing", "nested": [[1.10]] * 2}

    (line,) = drop(contract, "foreign.jsonl", json_lines([foreign]))
    (document,) = drop(contract, "foreign.json", json.dumps([foreign]))

    for row in (line, document):
        assert json.loads(row["_unreadable"])["_rule"] == "malformed_line"


def spans_in(scope_spans: object, **resource: object) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}


LISTED = {"attributes": attributes(gen_ai__request__model="example-model")}
ODD: dict[str, list[object]] = {
    "otel": [
        *({"resourceSpans": odd} for odd in ("text", {}, None, 5, ["text"])),
        spans_in({}),
        spans_in([{"spans": "text"}]),
        spans_in([{"spans": [None]}]),
        spans_in([{"spans": [{"attributes": {"gen_ai.request.model": "example-model"}}]}]),
        spans_in([{"spans": [{"attributes": [{"key": "tenant.id", "value": "acme"}]}]}]),
        spans_in([{"spans": [LISTED | {"status": "STATUS_CODE_ERROR"}]}]),
        spans_in([{"spans": [LISTED]}], attributes={"tenant.id": "acme"}),
        spans_in([{"spans": [LISTED], "scope": {"attributes": "text"}}]),
    ],
    "garak": [{"entry_type": None}],
    "promptfoo": [
        *({"results": odd} for odd in ("text", [], None, {"results": {}}, {"results": ["text"]})),
        {"results": {"results": [{"metadata": "text"}]}},
    ],
    "pyrit": [{"outcome": None}, {"outcome": "success", "labels": "tenant_id=acme"}],
}


@pytest.mark.parametrize("name", ODD)
def test_a_document_of_an_odd_shape_is_malformed(drop: Drop, name: str) -> None:
    rows = drop(adapted(name), "odd.jsonl", json_lines(ODD[name]))

    assert [row["_line"] for row in rows] == list(range(1, len(ODD[name]) + 1))
    assert {json.loads(row["_unreadable"])["_rule"] for row in rows} == {"malformed_line"}


def test_an_outcome_that_nobody_knows_is_told_and_no_success(drop: Drop) -> None:
    model = {"gen_ai__request__model": "example-model"}
    codes = [2, "STATUS_CODE_ERROR", "STATUS_CODE_OK", "ERROR", "t"]
    spans = [span(at, status={"code": code}, **model) for at, code in enumerate(codes)]
    odd = [result(0, "openai", 7, pluginId="pii"), result(1, "openai", 1, pluginId="pii")]
    del odd[1]["failureReason"], odd[1]["success"]
    evaluation = {"evalId": "e", "results": {"timestamp": "2026-01-31T05:00:01Z", "results": odd}}

    *known, first, second = drop(adapted("otel"), "some.jsonl", json_lines([batch(*spans)]))
    evaluated = drop(adapted("promptfoo"), "eval.json", json.dumps(evaluation))
    attacks = drop(adapted("pyrit"), "odd.jsonl", json_lines([attacked(1, "perhaps")]))

    assert [row["success"] for row in known] == [False, False, True]
    for row in (first, second):
        assert "success" not in row
        assert json.loads(row["_unreadable"])["success"].startswith("status ")
    for row in (*evaluated, *attacks):
        assert json.loads(row["_unreadable"])["iterations"].startswith("outcome ")
        assert not {"iterations", "successful_mutations", "asr_rate"} & row.keys()


def test_a_line_that_is_nested_too_deep_is_malformed_alone(drop: Drop) -> None:
    at = '"at": "2026-01-31T05:00:00Z"'
    deep = f'{{"id": "deep", {at}, "x": {"[" * 20_000}1.10{"]" * 20_000}}}'

    good, bad = drop(with_query(QUERY), "a.jsonl", f'{{"id": "good", {at}}}\n{deep}\n')
    (whole,) = drop(with_query(QUERY), "b.json", deep)

    assert good["test_id"] == "good"
    assert json.loads(bad["_unreadable"])["_rule"] == "malformed_line"
    assert json.loads(whole["_unreadable"])["_why"] == "it is nested too deep"


SETUP = {"entry_type": "start_run setup", "_config.version": "0.17.1",
         "plugins.target_type": "openai.OpenAIGenerator",
         "plugins.target_name": "example-model"}  # fmt: skip
INIT = {"entry_type": "init", "garak_version": "0.17.1", "run": "1b2c",
        "start_time": "2026-01-31T05:00:00.123456"}  # fmt: skip
END = {"entry_type": "completion", "end_time": "2026-01-31T05:10:00", "run": "1b2c"}


def attempt(text: str, **scores: list[float | None]) -> dict[str, Any]:
    turn = {"role": "user", "content": {"text": text, "lang": "en"}}
    results = {name.replace("__", "."): each for name, each in scores.items()}
    return {"entry_type": "attempt", "status": 2, "probe_classname": "dan.Dan_11_0", "outputs": [],
            "prompt": {"turns": [turn], "notes": {}}, "detector_results": results}  # fmt: skip


def test_a_report_of_garak_is_a_test_for_each_detector_of_a_probe(drop: Drop) -> None:
    report = [
        SETUP,
        INIT,
        attempt("harmless one", dan__DAN=[0.0, 1.0], mitigation__Bypass=[0.0, 0.0]),
        attempt("harmless two", dan__DAN=[0.2, None], mitigation__Bypass=[0.0, 0.0]),
        {"entry_type": "eval", "probe": "dan.Dan_11_0", "detector": "dan.DAN", "passed": 2,
         "fails": 1, "nones": 1, "total_evaluated": 3, "total_processed": 4},
        {"entry_type": "eval", "probe": "dan.Dan_11_0", "detector": "mitigation.Bypass",
         "passed": 4, "fails": 0, "nones": 0, "total_evaluated": 4, "total_processed": 4},
        {"entry_type": "probe_summary", "probe": "dan.Dan_11_0"},
        END,
    ]  # fmt: skip
    contract = adapted("garak")

    rows = drop(contract, "garak.1b2c.report.jsonl", json_lines(report))

    hit, held = rows
    assert (hit["test_id"], hit["test_type"]) == ("1b2c:dan.Dan_11_0:dan.DAN", "dan_dan_11_0")
    assert hit["timestamp"] == datetime(2026, 1, 31, 5, 10, tzinfo=UTC)
    assert (hit["target_provider"], hit["target_model"]) == ("openai", "example-model")
    assert (hit["iterations"], hit["successful_mutations"]) == (3, 1)
    assert hit["asr_rate"] == pytest.approx(1 / 3)
    assert (hit["best_prompt"], hit["_line"]) == ("harmless one", 5)
    assert (held["iterations"], held["asr_rate"]) == (4, 0.0)
    assert "best_prompt" not in held
    assert reasons(contract, rows) == []


def test_a_report_of_garak_with_odd_names_and_numbers(drop: Drop) -> None:
    names = ['a"b', "c/~d", "$.*", "plain"]
    passed: list[object] = [1, 1.0, 1.5, "many"]
    report = [
        INIT,
        attempt("harmless one", **{name: [0.9] for name in names}),
        attempt("harmless two", **{name: [1.0] for name in names}),
        attempt("harmless three", plain=["high"]),
        *(
            {"entry_type": "eval", "probe": "dan.Dan_11_0", "detector": name, "passed": one,
             "total_evaluated": 3}
            for name, one in zip(names, passed, strict=True)
        ),
    ]  # fmt: skip

    *whole, half, many = drop(adapted("garak"), "odd.report.jsonl", json_lines(report))

    for row in whole:
        assert (row["iterations"], row["successful_mutations"]) == (3, 2)
        assert row["best_prompt"] == "harmless two"
    for row, text in ((half, "3 - 1.5"), (many, "3 - many")):
        assert json.loads(row["_unreadable"])["successful_mutations"] == text
        assert not {"successful_mutations", "asr_rate", "best_prompt"} & row.keys()


def test_a_report_that_an_old_garak_broke_off(drop: Drop) -> None:
    report = [
        {"entry_type": "start_run setup", "plugins.model_type": "huggingface",
         "plugins.model_name": "example/model"},
        {"entry_type": "init", "start_time": "2026-01-31T05:00:00", "run": "old"},
        {"entry_type": "attempt", "status": 2, "probe_classname": "lmrc.Word", "outputs": ["x"],
         "prompt": "harmless", "detector_results": {"lmrc.Word": [1.0]}},
        {"entry_type": "eval", "probe": "lmrc.Word", "detector": "detector.lmrc.Word",
         "passed": 0, "total": 1},
    ]  # fmt: skip

    (row,) = drop(adapted("garak"), "old.report.jsonl", json_lines(report))

    assert row["test_id"] == "old:lmrc.Word:lmrc.Word"
    assert row["timestamp"] == datetime(2026, 1, 31, 5, tzinfo=UTC)  # its end is not known
    assert (row["target_provider"], row["target_model"]) == ("huggingface", "example/model")
    assert (row["iterations"], row["asr_rate"], row["best_prompt"]) == (1, 1.0, "harmless")


def result(number: int, provider: str, outcome: int, **metadata: str) -> dict[str, Any]:
    return {
        "promptIdx": 0, "testIdx": number, "provider": {"id": provider, "label": ""},
        "prompt": {"raw": f"harmless {number}", "label": ""}, "vars": {}, "latencyMs": 12,
        "success": outcome == 0, "failureReason": outcome, "score": 1 - outcome,
        "namedScores": {}, "testCase": {"metadata": metadata},
    }  # fmt: skip


def test_an_evaluation_of_promptfoo_is_a_test_for_each_attack(drop: Drop) -> None:
    results = [
        result(0, "openai:chat:example-model", 1, pluginId="harmful:privacy",
               strategyId="jailbreak:tree")
        | {"id": "r-0", "metadata": {"redteamFinalPrompt": "harmless at last"}},
        result(1, "anthropic:example-model", 0, pluginId="pii:direct", strategyId="basic"),
        result(2, "https", 2, pluginId="pii:direct"),
        result(3, "openai:chat:example-model", 0),
    ]  # fmt: skip
    summary = {"version": 3, "timestamp": "2026-01-31T05:00:01.000Z", "prompts": [], "stats": {},
               "results": results}  # fmt: skip
    evaluation = {"evalId": "eval-abc", "results": summary, "config": {}, "shareableUrl": None}
    contract = adapted("promptfoo")

    rows = drop(contract, "eval.json", json.dumps(evaluation, indent=2))

    held, broke, through = rows  # by their ids; the fourth was no attack
    assert (through["test_id"], through["test_type"]) == ("r-0", "jailbreak_tree")
    assert (through["target_provider"], through["target_model"]) == ("openai", "example-model")
    assert (through["asr_rate"], through["best_prompt"]) == (1.0, "harmless at last")
    assert (held["test_id"], held["test_type"]) == ("eval-abc:1:0", "pii_direct")
    assert (held["target_model"], held["asr_rate"]) == ("example-model", 0.0)
    assert (broke["target_provider"], broke["iterations"]) == ("https", 0)
    assert not {"asr_rate", "target_model", "best_prompt"} & broke.keys()
    assert reasons(contract, rows) == []


def attacked(number: int, outcome: str, **about: object) -> dict[str, Any]:
    return {
        "conversation_id": f"c-{number}", "objective": "harmless aim", "outcome": outcome,
        "executed_turns": 4, "timestamp": "2026-01-31T05:00:00.5Z", "metadata": {}, **about,
    }  # fmt: skip


def test_results_of_pyrit_are_tests(drop: Drop) -> None:
    target = {"class_name": "OpenAIChatTarget", "model_name": "example-model"}
    attack = {"class_name": "TreeOfAttacksWithPruningAttack",
              "children": {"objective_target": target}}  # fmt: skip
    technique = {"class_name": "AttackTechnique", "children": {"attack": attack}}
    whole = {"class_name": "AtomicAttack", "children": {"attack_technique": technique}}
    results = [
        attacked(1, "success", attack_result_id="a-1", atomic_attack_identifier=whole,
                 labels={"operator": "alice@example.com"}),
        attacked(2, "failure", attack_result_id="a-2",
                 atomic_attack_identifier={"children": {"attack": {"class_name": "PAIRAttack"}}}),
        attacked(3, "undetermined", attack_identifier={"__type__": "PromptSendingAttack"}),
    ]  # fmt: skip
    contract = adapted("pyrit")

    rows = drop(contract, "results.jsonl", json_lines(results))

    through, held, unknown = rows
    assert (through["test_id"], through["test_type"]) == ("a-1", "tree_of_attacks_with_pruning")
    assert (through["target_provider"], through["target_model"]) == ("openai", "example-model")
    assert (through["user_id"], through["best_prompt"]) == ("alice@example.com", "harmless aim")
    assert through["timestamp"] == datetime(2026, 1, 31, 5, 0, 0, 500_000, tzinfo=UTC)
    assert (held["test_type"], held["asr_rate"], held["iterations"]) == ("pair", 0.0, 1)
    assert (unknown["test_type"], unknown["iterations"]) == ("prompt_sending", 0)
    assert "asr_rate" not in unknown
    assert reasons(contract, rows) == []


def with_query(sql: str) -> Contract:
    """The contract of tests with a query of one's own."""
    return dataclasses.replace(adapted("pyrit"), file_query=sql, file_marks=())


QUERY = """
    select line, document ->> '$.id' as test_id, document ->> '$.at' as timestamp,
        'acme' as tenant_id, 'pair' as test_type, document ->> '$.n' as iterations
    from lines
"""


def test_values_are_what_was_written_or_are_told(drop: Drop) -> None:
    at = '"at": "2026-01-31T05:00:00Z"'
    lines = [
        f'{{"id": "first", "id": "last", {at}, "n": 9007199254740993}}',
        f'{{"id": "many", {at}, "n": "many"}}',
        f'{{"id": "beyond", {at}, "n": 99999999999999999999}}',
        f'{{"id": "half \\ud83d", {at}}}',
        f'{{"id": "no number", {at}, "n": NaN}}',
        "[1]",
    ]

    rows = drop(with_query(QUERY), "some.jsonl", "\n".join(lines) + "\n")

    last, many, beyond, *malformed = rows
    assert (last["test_id"], last["iterations"]) == ("last", 9_007_199_254_740_993)
    assert json.loads(many["_unreadable"])["iterations"] == "many"
    assert json.loads(beyond["_unreadable"])["iterations"] == "99999999999999999999"
    assert [json.loads(row["_unreadable"])["_rule"] for row in malformed] == ["malformed_line"] * 3
    assert [row["_line"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_numbers_keep_every_digit(drop: Drop) -> None:
    written = ["0.1234567890123456789", "1.10", "1e3", "12345678901234567890", "0.1", "1E-7", "7"]
    contract = with_query("""
        select line, line::text as test_id, '2026-01-31T05:00:00Z' as timestamp, 'a' as tenant_id,
            'pair' as test_type, document ->> '$.n' as target_model,
            try_cast(document -> '$.n' as double) as asr_rate
        from lines
    """)
    lines = [f'{{"n": {number}}}' for number in written]
    for name, content in {"a.jsonl": "\n".join(lines), "b.json": f"[{','.join(lines)}]"}.items():
        rows = drop(contract, name, content + "\n")

        assert [row["target_model"] for row in rows] == written
        assert [row["asr_rate"] for row in rows] == [float(number) for number in written]


def test_a_number_that_a_query_computes_is_finite_or_told(drop: Drop) -> None:
    contract = with_query("""
        select line, line::text as test_id, '2026-01-31T05:00:00Z' as timestamp, 'a' as tenant_id,
            'pair' as test_type, try_cast(document ->> '$.n' as double) as asr_rate
        from lines
    """)

    fine, *others = drop(contract, "a.jsonl", '{"n": "1e-7"}\n{"n": "NaN"}\n{"n": "-Infinity"}\n')

    assert fine["asr_rate"] == 1e-7
    assert not any("asr_rate" in row for row in others)
    told = [json.loads(row["_unreadable"])["asr_rate"] for row in others]
    assert told == ["nan", "-inf"]


@pytest.mark.parametrize(
    ("sql", "name", "content", "why"),
    [
        (
            "select cast(document ->> '$.id' as integer) as test_id from lines",
            "a.jsonl",
            '{"id": "alice@example.com"}\n',
            "fileQuery fails on it: Conversion Error: a value cannot be converted to INT32",
        ),
        (QUERY, "a.json", '{"id": "a"', "it is no JSON document"),
        (QUERY, "a.json", '"a"', "expected a JSON object or a list of objects"),
    ],
)
def test_a_file_that_a_query_cannot_read_is_corrupt(
    drop: Drop, sql: str, name: str, content: str, why: str
) -> None:
    (row,) = drop(with_query(sql), name, content)

    about = json.loads(row["_unreadable"])
    assert about["_rule"] == "corrupt_file"
    assert about["_why"].startswith(why)
    assert "alice" not in about["_why"]


def test_a_document_that_is_too_large_is_corrupt(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_document, "DOCUMENT_BYTES", 2**20)

    (row,) = drop(with_query(QUERY), "a.json", f'["{"a" * 2**20}"]')

    assert "a document of more than 1 MiB; write JSON lines" in row["_unreadable"]


def test_a_list_of_objects_is_as_many_lines(drop: Drop) -> None:
    contract = dataclasses.replace(adapted("pyrit"), file_query=None)
    events = [{"test_id": f"t-{number}", "iterations": number} for number in range(3)]

    rows = drop(contract, "events.json", json.dumps(events, indent=1))

    assert [(row["test_id"], row["iterations"], row["_line"]) for row in rows] == [
        ("t-0", 0, 1),
        ("t-1", 1, 2),
        ("t-2", 2, 3),
    ]
