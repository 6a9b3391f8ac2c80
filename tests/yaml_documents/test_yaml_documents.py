"""A YAML file that nobody would write costs one line, not the process."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from chimera_assets.contracts import ContractError, load_contract
from chimera_assets.packs import PackError
from chimera_assets.yaml_documents import one_of, read_document

if TYPE_CHECKING:
    from pathlib import Path

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGE_BOMB = "m0: &m0 {a: 1, b: 2}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: 1\nday: 2025-99-99\n", 2, "2025-99-99"),
        (f"a: 1\nn: {'9' * 5000}\n", 2, "99999"),
        (f"a: 1\nn: 0x{'f' * 5000}\n", 2, "0xfff"),
        ("a: 1\nn: !!int abc\n", 2, "abc"),
        ("a: 1\nn: !!float abc\n", 2, "abc"),
        ("a: 1\n2025-99-99: b\n", 2, "2025-99-99"),
        ("a: " + "[" * 200_000, 1, "nested more than 40 deep"),
        ("a:\n" + "".join(f"{' ' * n}k:\n" for n in range(1, 3000)), 41, "more than 40 deep"),
        ("a: &a [1, *a]\n", 1, "a loop"),
        (BOMB, 6, "more, by aliases"),
        (MERGE_BOMB, 2, "the content of another part"),
    ],
)
def test_hostile_text(tmp_path: Path, text: str, line: int, found: str) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(text)
    with pytest.raises(PackError) as caught:
        read_document(path, "pack", PackError)
    first = caught.value.problems[0]
    assert found in first.found
    assert first.line == line


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: [1, 2\n", "no ',' or ']' where one belongs (while parsing a flow sequence, which be"),
        ('a: "x\n', "the end of the file (while scanning a quoted scalar, which begins on line 1)"),
        ("a: b: c\n", "a key where none can be: a line indented too far, or a text with ': '"),
        ("a: *x\n", "undefined alias"),
        ("a: @x\n", "character that cannot start any token"),
    ],
)
def test_a_slip_is_worded_so_that_it_reads(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(text)
    with pytest.raises(PackError) as caught:
        read_document(path, "pack", PackError)
    assert f"expected well-formed YAML, found {found}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: 1\ntransformLogic: payload #>> '{a,b}'\n", 2, "payload, then a comment: #>> '{a,b}'"),
        ("a: {transformLogic: payload #>> '{a,b}'}\n", 1, "payload, then a comment: #>> '{a,b}'}"),
        (
            "sql: >-\n  a #>> b\nquery: select ü\n  order by\t#1\n",
            4,
            "ü order by, then a comment: #1",
        ),
        ("implementation: note = 'ticket #1'\n", 1, "note = 'ticket, then a comment: #1'"),
    ],
)
def test_an_expression_that_a_comment_cuts_short_is_refused(
    tmp_path: Path, text: str, line: int, found: str
) -> None:
    path = tmp_path / "calls.odcs.yaml"
    for mark in ("", "\ufeff"):
        path.write_text(mark + text, encoding="utf-8")
        with pytest.raises(ContractError) as caught:
            read_document(path, "contract", ContractError)
        first = caught.value.problems[0]
        assert first.line == line
        assert found in first.found
        assert first.expected == "it in quotes (in YAML ` #` begins a comment)"


def test_comments_are_free_to_stand_where_they_cut_nothing(tmp_path: Path) -> None:
    path = tmp_path / "calls.odcs.yaml"
    path.write_text(
        "transformLogic: lower(model)  # as the gateway has it\n"
        "sql: \"payload #>> '{a}'\" #why\n"
        "logicalType: integer #tokens\n"
        "query: #all of them\n  select 1  ## one\n"
        "description: room #5\n"
    )
    data = read_document(path, "contract", ContractError).data
    assert data["sql"] == "payload #>> '{a}'"
    assert data["query"] == "select 1"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pack.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pack.yaml", "zero.yaml"):
        with pytest.raises(PackError, match="something else than a file"):
            read_document(tmp_path / name, "pack", PackError)


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("marts/fact_generation", "marts/fact_generations"),
        ("FACT_GENERATIONS", "marts/fact_generations"),
        ("agg_provider", "aggregates/agg_provider_metrics"),
        ("provider", "raw/providers"),
        ("metrics", "aggregates/agg_provider_metrics"),
        ("raw/providres", "raw/providers"),
    ],
)
def test_what_was_meant_is_guessed(found: str, meant: str) -> None:
    known = (
        "marts/fact_generations",
        "aggregates/agg_provider_metrics",
        "raw/generations",
        "raw/providers",
        "staged/providers",
    )
    assert one_of(known, found).endswith(f" (did you mean {meant}?)")
    many = [f"name_{number:02}" for number in range(40)]
    assert one_of(many, "nme_07") == (
        "one of 40 (did you mean name_07?): name_00, name_01, name_02, name_03, ..."
    )
    assert one_of(many, "quite another thing") == f"one of {', '.join(many)}"
    assert "mean" not in one_of(known, "quite another thing") + one_of(known, "") + one_of(known)


def test_of_very_many_problems_the_first_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "endless.odcs.yaml"
    path.write_text("".join(f"key{n}: 1\n" for n in range(20_000)))
    begun = time.process_time()
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert time.process_time() - begun < 10  # a guess at each key's meaning took minutes
    assert len(caught.value.problems) == 101
    assert caught.value.problems[-1].expected == "at most 100 problems"
