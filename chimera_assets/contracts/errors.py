"""What can be wrong with a contract file, told with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or that could be better, in a contract file.

    Attributes:
        path: The file.
        line: The line in it, from 1.
        what: What is spoken of, `type of column latency_ms` for instance.
        expected: What a contract has there, in words.
        found: What stands there.
        severity: `error` if the contract cannot be used so, `warning` if it can.
    """

    path: Path
    line: int
    what: str
    expected: str
    found: str
    severity: str = "error"

    def __str__(self) -> str:
        """`path:line: what: expected ..., found ...`, as editors and terminals like it."""
        return f"{self.path}:{self.line}: {self.what}: expected {self.expected}, found {self.found}"


class ContractError(ChimeraError):
    """A contract file cannot be used.

    Args:
        problems: What is wrong; at least one. The message tells the first.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        self.path, self.line = first.path, first.line
        self.expected, self.found = first.expected, first.found
        more = len(self.problems) - 1
        rest = f" (and {more} more: `chimera contract check` lists them)" if more else ""
        super().__init__(f"{first}{rest}")


class MissingReferenceError(ChimeraError):
    """A rule compares with a reference table whose values were not given."""


def one_of(known: Iterable[str], found: object = None) -> str:
    """`one of a, b, c`, with a guess at what was meant by `found`."""
    names = sorted(known)
    close = get_close_matches(str(found), names, n=1) if found is not None else []
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"one of {', '.join(names)}{guess}"
