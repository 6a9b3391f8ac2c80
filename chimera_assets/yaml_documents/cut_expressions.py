"""Expressions that YAML cuts short: ` #` begins a comment, and `#>>` is an operator in SQL."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from chimera_assets.errors import one_line
from chimera_assets.yaml_documents.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Keys whose values are expressions or SQL.
_KEYS = frozenset({"fileQuery", "implementation", "query", "sql", "transformLogic"})

#: People put a blank after the `#` of a comment; `#>>` and `'ticket #1'` are meant to be read.
_CUT = re.compile(r"[ \t]+(#[^\s#].*)")

_EXPECTED = "it in quotes (in YAML ` #` begins a comment)"


def cut_expressions(path: Path, text: str, loader: Any) -> Iterator[Problem]:  # noqa: ANN401 - the parser's class
    """The expressions of a YAML file that are cut short; up to where it is no YAML."""
    if not _CUT.search(text):
        return
    text = text.removeprefix("\ufeff")  # the parser does not count it
    before = ""
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=loader):
            if not isinstance(event, yaml.ScalarEvent):
                before = ""
                continue
            end: Any = event.end_mark  # of the parser in C, which the stubs tell apart
            lost = _CUT.match(text, end.index) if before in _KEYS and not event.style else None
            if lost is not None:
                found = f"{one_line(event.value, 80)}, then a comment: {one_line(lost[1], 80)}"
                yield Problem(path, end.line + 1, before, _EXPECTED, found)
            before = event.value
