"""A mistake in a contract costs one clear line: file, line, what was expected, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import ContractError, load_contract, load_contracts
from chimera_assets.contracts.lint import lint
from chimera_assets.errors import SettingError
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: What is replaced, by what, and the words of the error that it must cause.
MISTAKES = {
    "typo in a key": (
        "classification: L3",
        "clasification: L3",
        ["key clasification", "did you mean classification?", "found clasification"],
    ),
    "typo at the top": ("status: active", "statuss: active", ["did you mean status?"]),
    "typo in a rule": ("severity: warning", "severty: warning", ["did you mean severity?"]),
    "quote in a column's name": (
        "- name: latency_ms",
        "- name: 'latency\"ms'",
        ["name of a column: expected letters, digits, _ and inside of it", 'latency"ms'],
    ),
    "column twice but for its case": (
        "- name: model\n",
        "- name: Provider\n",
        ["column Provider: expected each column once, whatever its case"],
    ),
    "kept for ever": ("value: 90,", "value: 1.0e+300,", ["retention: expected at most 365,000"]),
    "unknown type": (
        "logicalType: number",
        "logicalType: decimal",
        ["type of column latency_ms", "integer, number", "found decimal"],
    ),
    "no classification": (
        "        classification: L3\n",
        "",
        ["classification of column user_id", "L0, L1, L2, L3, L4", "found none"],
    ),
    "unknown check": (
        "{check: trimmed}",
        "{check: trimed}",
        ["check that an engine knows", "range", "share_of_each", "did you mean trimmed?"],
    ),
    "unknown engine": ("engine: pandera", "engine: soda", ["expected pandera, found soda"]),
    "unknown metric": (
        "metric: nullValues",
        "metric: nulls",
        ["nullValues, rowCount", "found nulls"],
    ),
    "metric without operator": (
        "metric: nullValues\n            mustBe: 0",
        "metric: nullValues",
        ["metric nullValues", "mustBeLessThan", "found none"],
    ),
    "sql rule": (
        "type: library\n            metric: nullValues\n            mustBe: 0",
        "type: sql\n            query: select 1\n            mustBe: 0",
        ["expected library, custom or text", "found sql"],
    ),
    "unknown column in a rule": (
        "other: created_at",
        "other: created",
        ["other of check not_after", "did you mean created_at?", "found created"],
    ),
    "unknown column in an expression": (
        "NOT success OR error_code IS NULL",
        "NOT succes OR error_code IS NULL",
        ["rule success_without_error", "did you mean success?", "found succes"],
    ),
    "expression that is no SQL": (
        "NOT success OR",
        "NOT success OR OR",
        ["an expression that Polars can evaluate", "found invalid expression"],
    ),
    "expression over all rows": (
        "response_length = 0 OR tokens_used > 0",
        "SUM(tokens_used) > 0",
        ["judges each row by itself", "found an aggregate"],
    ),
    "expression that is a number": (
        "response_length = 0 OR tokens_used > 0",
        "tokens_used + 1",
        ["true or false", "Int64"],
    ),
    "check on the wrong type": (
        "{check: trimmed}",
        "{check: range, min: 0, max: 2147483647}",
        ["check range", "integer or number", "found model: string"],
    ),
    "text for a number": (
        "{check: range, min: 0, max: 2147483647}",
        "{check: range, min: zero}",
        ["a finite number", "'zero'"],
    ),
    "bounds the wrong way": (
        "min: 0, max: 10000",
        "min: 10000, max: 0",
        ["min no greater than max"],
    ),
    "range without bounds": (
        "{check: range, min: 0, max: 2147483647}",
        "{check: range}",
        ["min, max or both"],
    ),
    "unknown parameter": ("min: 0, max: 10000", "min: 0, maxi: 10000", ["did you mean max?"]),
    "unknown severity": ("severity: warning", "severity: fatal", ["error, warning", "found fatal"]),
    "rule name twice": ("name: model_length", "name: model_not_null", ["a name of its own"]),
    "duplicates of no key": (
        "metric: duplicateValues",
        "metric: duplicateValues\n            arguments: {properties: [model]}",
        ["the key, event_id", "found model"],
    ),
    "no key": ("        primaryKey: true\n", "", ["key: expected at least one column"]),
    "no event time": (
        "property: eventTime",
        "property: eventTimes",
        ["custom property", "did you mean eventTime?", "names its vendor"],
    ),
    "event time that is no time": (
        "value: timestamp",
        "value: model",
        ["type timestamp", "model: string"],
    ),
    "subject that is no column": ("value: user_id", "value: userid", ["did you mean user_id?"]),
    "tenant that is no column": (
        "property: dataSubject, value: user_id",
        "property: tenant, value: tenantid",
        ["tenant: expected", "did you mean tenant_id?"],
    ),
    "tenant that is no name": (
        "property: dataSubject, value: user_id",
        "property: tenant, value: success",
        ["a column of type string or integer", "success: boolean"],
    ),
    "pass rate in percent": (
        "value: 0.99",
        "value: 99",
        ["passRate", "between 0 and 1", "found 99"],
    ),
    "no freshness": ("property: freshness", "property: latency", ["freshness", "found none"]),
    "unit unknown": (
        "value: 90, unit: d",
        "value: 90, unit: moon",
        ["unit of retention", "found moon"],
    ),
    "version of no kind": ("version: 1.0.0", "version: '1'", ["semantic version", "found 1"]),
    "older standard": ("apiVersion: v3.2.0", "apiVersion: v2.2.2", ["v3.x", "found v2.2.2"]),
    "name with blanks": (
        "  - name: generations\n",
        "  - name: My Stream\n",
        ["lower-case", "My Stream"],
    ),
    "column of ours": (
        "      - name: model\n",
        "      - name: hour\n",
        ["name other than", "found hour"],
    ),
    **{
        f"column of ours, {name}": (
            "      - name: latency_ms\n",
            f"      - name: {name}\n",
            ["name other than", f"found {name}"],
        )
        for name in ("_placed", "_age", "_batch_id", "_file", "reasons", "Index", "HOUR")
    },
    "key twice": (
        "status: active",
        "status: active\nstatus: draft",
        ["the key once", "found it again"],
    ),
    "broken YAML": ("domain: ai-operations", "domain: [ai", ["well-formed YAML"]),
    "list for a text": ("status: active", "status: [active]", ["status", "a text"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_reported_with_its_line(edited: Callable[..., Path], mistake: str) -> None:
    old, new, words = MISTAKES[mistake]
    path = edited("generations", (old, new))
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    reported = "\n".join(str(problem) for problem in caught.value.problems)
    for word in words:
        assert word in reported
    assert str(caught.value).startswith(f"{path}:{caught.value.line}: ")
    assert "\n" not in str(caught.value)


def test_the_line_is_the_right_one(edited: Callable[..., Path]) -> None:
    path = edited("generations", ("{check: trimmed}", "{check: trimed}"))
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert "trimed" in path.read_text().splitlines()[caught.value.line - 1]


def test_a_required_column_is_checked_though_no_rule_is_written(
    edited: Callable[..., Path],
) -> None:
    rule = "          - name: model_not_null\n            type: library\n"
    text = edited("generations").read_text()
    start = text.index(rule)
    end = text.index("          - name:", start + 10)
    path = edited("generations", (text[start:end], ""))
    assert load_contract(path).rule("model_not_null").severity == "error"


def test_options_of_a_type_become_rules(edited: Callable[..., Path]) -> None:
    old = (
        "        physicalType: text\n        required: true\n"
        "        classification: L0\n        description: The model"
    )
    options = "        logicalTypeOptions: {maxLength: 5, pattern: '^[a-z]+$'}\n"
    contract = load_contract(
        edited(
            "generations",
            (old, old.replace("        physicalType", options + "        physicalType")),
        )
    )
    assert contract.rule("model_pattern").params == {"regex": "^[a-z]+$"}
    wrong = options.replace("maxLength", "maxLenght")
    with pytest.raises(ContractError, match="did you mean maxLength"):
        load_contract(
            edited(
                "generations",
                (old, old.replace("        physicalType", wrong + "        physicalType")),
            )
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"- a\n- b\n", "a mapping of keys"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: &a\n  b: *a\n", "contract"),
        (b"version: 1.0.0\n", "the standard requires it"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=words):
        load_contract(path)


def test_a_file_or_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="No such file"):
        load_contract(tmp_path / "none.odcs.yaml")
    with pytest.raises(SettingError, match="CHIMERA_CONTRACTS"):
        load_contracts([tmp_path / "none"])


def test_one_contract_a_stream(edited: Callable[..., Path]) -> None:
    path = edited("generations")
    with pytest.raises(ContractError, match="one contract a stream"):
        load_contracts([SHIPPED, path.parent])


def test_a_reference_nobody_describes_is_refused(edited: Callable[..., Path]) -> None:
    path = edited("generations")
    with pytest.raises(ContractError, match=r"provider_known.*found providers\.provider_id"):
        load_contracts([path.parent])


def test_lint_tells_everything_at_once(edited: Callable[..., Path]) -> None:
    edited(
        "generations",
        ("classification: L3", "clasification: L3"),
        ("{check: trimmed}", "{check: trimed}"),
        ("other: created_at", "other: created"),
    )
    path = edited("providers", ("        description: Identifies the provider.\n", ""))
    problems = lint([path.parent])
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    for word in ("clasification", "trimed", "found created"):
        assert any(word in error for error in errors)
    warnings = [problem for problem in problems if problem.severity == "warning"]
    assert [problem.what for problem in warnings] == ["description of column provider_id"]


def test_lint_asks_whose_the_personal_data_is(edited: Callable[..., Path]) -> None:
    text = edited("generations").read_text()
    (line,) = (line for line in text.splitlines() if "dataSubject" in line)
    path = edited("generations", (f"{line}\n", ""))
    edited("providers")
    assert ["user_id" in problem.what for problem in lint([path.parent])] == [True]


def test_the_shipped_contracts_leave_nothing_to_say() -> None:
    assert lint([SHIPPED]) == []
