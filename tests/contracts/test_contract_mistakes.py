"""A mistake in a contract costs one clear line: file, line, what was expected, what was found."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from generation_rows import HOUR, REFERENCES, frame_of, good_row

from chimera_assets.contracts import ContractError, load_contract, load_contracts, row_violations
from chimera_assets.contracts.lint import lint
from chimera_assets.contracts.model import Rule
from chimera_assets.errors import SettingError
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.yaml_documents import Problem

MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))


def in_general(said: str) -> str:
    """What is said, without numbers of lines, and without what only Polars says."""
    said = re.sub(r"line \d+", "line N", said)
    return re.sub(r"(that Polars can evaluate on these columns, found) .*", r"\1 …", said)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_reported_at_its_line(edited: Callable[..., Path], mistake: str) -> None:
    made = MISTAKES[mistake]
    path = edited("generations", (made["text"], made["becomes"]))
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    lines = path.read_text().splitlines()
    reported = [
        {
            "at": lines[one.line - 1].strip(),
            "says": in_general(f"{one.what}: expected {one.expected}, found {one.found}"),
        }
        for one in caught.value.problems
    ]
    assert reported == made["reported"]
    assert all(one.severity == "error" for one in caught.value.problems)
    assert str(caught.value).startswith(f"{path}:{caught.value.line}: ")
    assert "\n" not in str(caught.value)


def test_a_required_column_is_checked_though_no_rule_is_written(
    edited: Callable[..., Path],
) -> None:
    rule = "          - name: model_not_null\n            type: library\n"
    text = edited("generations").read_text()
    start = text.index(rule)
    end = text.index("          - name:", start + 10)
    path = edited("generations", (text[start:end], ""))
    implied = load_contract(path).rule("model_not_null")
    assert implied == Rule(
        name="model_not_null",
        column="model",
        level="row",
        severity="error",
        dimension="completeness",
        description="Follows from the description of column model.",
        check="not_null",
        params={},
    )
    assert path.read_text().splitlines()[implied.line - 1] == "      - name: model"


WITHIN_HOUR = """\
          - name: timestamp_within_hour
            type: custom
            engine: pandera
            implementation: {check: within_hour}
            description: The event lies in the hour it is kept under.
"""


def test_an_event_is_held_against_its_hour_though_no_rule_is_written(
    edited: Callable[..., Path],
) -> None:
    """Its row may be kept under the hour of its arrival, where it must not be published."""
    left_out = load_contract(edited("generations", (WITHIN_HOUR, "")))
    rule = left_out.rule("timestamp_within_hour")
    assert (rule.check, rule.severity, rule.dimension) == ("within_hour", "error", "timeliness")
    outside = HOUR + timedelta(hours=3)
    rows = [good_row(timestamp=at, created_at=HOUR) for at in (HOUR, outside, None)]
    judged = frame_of(left_out, rows).select(row_violations(left_out, REFERENCES))
    assert judged["timestamp_within_hour"].to_list() == [False, True, False]

    warned = WITHIN_HOUR.replace("_within", "_in").replace(
        "            description", "            severity: warning\n            description"
    )
    own = load_contract(edited("generations", (WITHIN_HOUR, warned)))
    found = [(one.name, one.severity) for one in own.rules if one.check == "within_hour"]
    assert found == [("timestamp_in_hour", "warning")]

    reference = edited(
        "generations",
        (WITHIN_HOUR, ""),
        ("streamKind, value: stream", "streamKind, value: reference"),
    )
    assert {one.check for one in load_contract(reference).rules}.isdisjoint({"within_hour"})


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
    implied = contract.rule("model_pattern")
    assert (implied.params, implied.dimension) == ({"regex": "^[a-z]+$"}, "conformity")
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


def test_lint_gives_advice_and_looks_beside_for_what_rules_compare_with(
    edited: Callable[..., Path],
) -> None:
    path = edited(
        "generations",
        ("team:\n  name: data-platform\n", "team:\n"),
        ("  purpose: Every request to a language model, what it cost and how it ended.\n", ""),
        ("    description: Requests to language models as the gateway logged them.\n", ""),
        ("            description: Every row has an event_id.\n", ""),
        (
            "      - {property: dataSubject, value: user_id",
            "      - {property: tenant, value: model",
        ),
        ("metric: rowCount", "metric: duplicateValues"),
    )
    advice = [
        ("1", "description", "what the stream is, in words"),
        ("1", "owner", "a team with a name"),
        (
            "- name: generations",
            "data subject (columns user_id are personal)",
            "a custom property dataSubject that names its column",
        ),
        ("- name: generations", "volume", "a rule with metric rowCount"),
        (
            "- name: event_id_not_null",
            "description of rule event_id_not_null",
            "what it asks for, in words",
        ),
    ]

    def said(problems: list[Problem]) -> list[tuple[str, str, str]]:
        lines = path.read_text().splitlines()
        assert {(one.path, one.found) for one in problems} == {(path, "none")}
        return [
            (lines[one.line - 1].strip() if one.line > 1 else "1", one.what, one.expected)
            for one in problems
        ]

    alone = lint([path.parent])
    assert [one.severity for one in alone] == [*["warning"] * 5, "error"]
    assert alone[-1].what == "values of rule provider_known"
    assert alone[-1].found == "providers.provider_id"
    assert said(alone[:-1]) == advice
    beside = lint([path.parent], beside=[SHIPPED])
    assert said(beside) == advice
    edited("providers")
    assert said(lint([path.parent])) == advice


def test_lint_reports_the_same_stream_twice(edited: Callable[..., Path]) -> None:
    path = edited("providers")
    again = path.with_name("z.odcs.yaml")
    again.write_text(path.read_text())
    (found,) = lint([path.parent])
    assert str(found) == (
        f"{again}:1: stream: expected one contract a stream ({path} describes it already), "
        "found providers"
    )
    assert found.severity == "error"


def test_the_shipped_contracts_leave_nothing_to_say() -> None:
    assert lint([SHIPPED]) == []
