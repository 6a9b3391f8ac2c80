"""The page that tells which test proves which criterion, written and read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.criteria.catalogue import Catalogue

#: Node id of a test, `tests/folder/test_file.py::test_name[parameters]` -> the ids that it proves.
Proofs: TypeAlias = "Mapping[str, Sequence[str]]"

INTRODUCTION = """\
# Criteria

What the specification asks for, and the tests that prove it. A criterion is open until all of it is
built and tests prove it. `make criteria` runs the proofs and makes this page; it fails if one of
them was skipped or does not pass.
"""
_PROOF = re.compile(r"\[`([^`]+)`\]\(\.\./([^)]+)\)")


def render(catalogue: Catalogue, proofs: Proofs) -> str:
    """The page, the same for the same catalogue and proofs."""
    tests = {one: tests_of(one, proofs) for section in catalogue.values() for one in section}
    proven = sum(map(bool, tests.values()))
    lines = [INTRODUCTION, f"{proven} proven, {len(tests) - proven} open."]
    for heading, section in catalogue.items():
        lines += ["", f"## {heading}", "", "| id | criterion | proof |", "|---|---|---|"]
        for one, title in section.items():
            lines.append(f"| {one} | {title} | {', '.join(map(_link, tests[one])) or 'open'} |")
    return "\n".join([*lines, ""])


def tests_of(criterion: str, proofs: Proofs) -> list[str]:
    """The tests that prove a criterion, without parameters, each once."""
    return sorted({test.partition("[")[0] for test, ids in proofs.items() if criterion in ids})


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[`{name}`](../{path})"


def proofs_on(page: str) -> dict[str, list[str]]:
    """The proofs that a page names, without parameters."""
    found: dict[str, list[str]] = {}
    for criterion, test in _named(page):
        found.setdefault(test, []).append(criterion)
    return found


def _named(page: str) -> Iterator[tuple[str, str]]:
    for line in page.splitlines():
        if line.startswith("| "):
            for name, path in _PROOF.findall(line):
                yield line.split(" | ")[0].removeprefix("| "), f"{path}::{name}"
