"""`fileMarks`: what a document of a JSON file has to be like, so that none is passed over.

A document has one of the marks that are names at its top. A mark that is a path, such as
`$.resourceSpans[*].scopeSpans[*].spans`, says what it leads through: lists and objects, where there
is anything at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts.json_path import is_path

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The step into each item of a list.
_EACH = "[*]"
_STEP = re.compile(r"\.([^\W\d]\w*)|(\[\*\])")


@dataclass(frozen=True, slots=True)
class FileMarks:
    """The marks of a contract.

    Attributes:
        names: Names of which a document has one at its top; none for any.
        paths: The steps of each path.
    """

    names: frozenset[str]
    paths: tuple[tuple[str, ...], ...]

    def fit(self, value: object) -> bool:
        """Whether a decoded document is an object with a mark, and nothing odd on its paths."""
        if not isinstance(value, dict):
            return False
        is_marked = not self.names or any(value.get(name) is not None for name in self.names)
        return is_marked and all(_leads(value, steps, 0) for steps in self.paths)


def read_marks(marks: Iterable[str]) -> FileMarks:
    """The marks that were written, each one that `is_mark`."""
    written = list(marks)
    paths = tuple(steps for mark in written if is_path(mark) and (steps := _steps(mark)))
    return FileMarks(frozenset(mark for mark in written if not is_path(mark)), paths)


def is_mark(text: object) -> bool:
    """Whether a text is a mark."""
    return isinstance(text, str) and (not is_path(text) or _steps(text) is not None)


def _steps(mark: str) -> tuple[str, ...] | None:
    """The names that a path goes through, and `[*]` for each item; None if it is none."""
    steps: list[str] = []
    at = 1
    while at < len(mark):
        match = _STEP.match(mark, at)
        if match is None:
            return None
        steps.append(match[1] or _EACH)
        at = match.end()
    return tuple(steps) if steps[0] != _EACH else None


def _leads(value: object, steps: tuple[str, ...], at: int) -> bool:
    """Whether a value has lists and objects where steps go; names may be missing."""
    if at == len(steps):
        return True
    if steps[at] == _EACH:
        return isinstance(value, list) and all(
            item is not None and _leads(item, steps, at + 1) for item in value
        )
    if not isinstance(value, dict):
        return False
    inner = value.get(steps[at])
    return inner is None or _leads(inner, steps, at + 1)
