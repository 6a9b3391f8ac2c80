"""What is wrong with a file, by line: as editors and terminals like it, and as an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


#: A list of more characters is cut to a few names, where one is guessed.
_LONG, _FEW = 300, 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or that could be better, in a file.

    Attributes:
        path: The file.
        line: The line in it, from 1.
        what: The part in question, `type of column latency_ms` for instance.
        expected: What belongs there, in words.
        found: What stands there.
        severity: `error` if the file cannot be used so, `warning` if it can.
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


class DocumentError(ChimeraError):
    """A file cannot be used.

    Args:
        problems: What is wrong; at least one. The message gives the first.
    """

    #: The command that lists all problems.
    lister: ClassVar[str]

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        self.path, self.line = first.path, first.line
        self.expected, self.found = first.expected, first.found
        more = len(self.problems) - 1
        rest = f" (and {more} more: `{self.lister}` lists them)" if more else ""
        super().__init__(f"{first}{rest}")


def one_of(known: Iterable[str], found: object = None, *, listed_by: str | None = None) -> str:
    """`one of a, b, c`, with a guess at what was meant by `found`.

    Beside a guess, a long list is cut: `one of 23 (did you mean c?): a, b, c, ...`; also where
    `listed_by` is a command that prints all of it.
    """
    names = sorted(known)
    close = _closest(names, found)
    listed = ", ".join(names)
    if close is None and len(listed) > _LONG and listed_by is not None:
        return f"one of {len(names)}: {', '.join(names[:_FEW])}, ... (`{listed_by}` lists them)"
    if close is None:
        return f"one of {listed}"
    if len(listed) > _LONG:
        few = ", ".join(names[:_FEW])
        return f"one of {len(names)} (did you mean {close}?): {few}, ..."
    return f"one of {listed} (did you mean {close}?)"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean c?)`, or nothing if nothing known is like it."""
    close = _closest(sorted(known), found)
    return f" (did you mean {close}?)" if close is not None else ""


def _closest(names: Sequence[str], found: object) -> str | None:
    """The name that was meant.

    Shortest first, one that begins so, itself or after its folder or layer; else one that has it as
    a part; else one that is spelt alike.
    """
    text = str(found).lower() if found is not None else ""
    if not text:
        return None
    spelt = {name.lower(): name for name in names}
    begin = [name for name in spelt if re.search(rf"(^|[/.]){re.escape(text)}", name)]
    hold = begin or [name for name in spelt if text in name]
    close = sorted(hold, key=len) or get_close_matches(text, spelt, n=1)
    return spelt[close[0]] if close else None
