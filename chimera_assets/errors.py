"""The errors a user can cause and can fix.

Every error here is one readable line: what was wrong, where, what was expected, what was found,
and what to do. The command line prints that line and exits with code 2; Dagster shows it as the
failure's description. Anything else that is raised is a defect of ours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: User and password in a URL, up to the last `@`: one in a password may not be percent-encoded. In
#: what is hardly a URL (`http:/user:password@host`, `user:password@host`) all that is before it.
_USERINFO = re.compile(r"(?<=://)\S*@|(?<![^\s`'\"])(?![a-zA-Z][\w+.-]*://)[^\s`'\"]*:\S*@")

_AT = {"less": "at most ", "greater": "at least "}

#: How pydantic words what it asks for, and how that reads after "expected".
_PYDANTICS_WORDS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^(Input should be|Value error,) ", ""),
    (r",? (unable to|input is|got a) .*", ""),
    (r"\ba valid integer\b", "a whole number"),
    (r"\ba valid (number|tuple|list|string|dictionary|boolean)\b", r"a \1"),
    (r"\ba boolean\b", "true or false"),
    (r"\ba string\b", "a text"),
    (r"\ba tuple\b", "a list"),
    (r"\ba dictionary\b", "a mapping"),
    (r"\ba valid datetime( or date)?\b", "a time in ISO 8601"),
    (r"^(less|greater) than or equal to ", lambda found: _AT[found[1]]),
    (r"^greater than ", "more than "),
    (r"^String should match pattern .*", ""),
)

#: So much of what was found is shown.
_FOUND = 300


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one line, and of a longer one than `limit` its beginning."""
    line = " ".join(text.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def wanted(complaint: str) -> str:
    """What pydantic asks for in one of its messages, in our words; empty if they say nothing."""
    for theirs, ours in _PYDANTICS_WORDS:
        complaint = re.sub(theirs, ours, complaint)
    return complaint


def without_userinfo(text: str) -> str:
    """The text, in which no URL says a user or a password."""
    return _USERINFO.sub("***@", text)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_short(things: Sequence[object], most: int = 5) -> str:
    """The first few by name, of the others how many."""
    listed = ", ".join(map(str, things[:most]))
    return listed + (f" and {len(things) - most:,} more" if len(things) > most else "")


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


class ChimeraError(Exception):
    """A mistake in a setting, an argument, a contract or a source, in one line."""

    #: Whether trying again without changing anything may succeed (network, throttling, conflicts).
    transient = False


class SettingError(ChimeraError):
    """A setting has a value that cannot be used.

    Args:
        setting: The environment variable, `CHIMERA_HOME` for instance.
        expected: What values the setting accepts.
        found: The value that was given; what a URL says of user and password is not shown.
    """

    def __init__(self, setting: str, *, expected: str, found: object) -> None:
        self.setting = setting
        self.expected = expected
        self.found = one_line(without_userinfo(str(found)), _FOUND)
        super().__init__(f"{setting}: expected {expected}, found {self.found}")


class ArgumentError(ChimeraError):
    """An argument of a command or a function has a value that cannot be used."""
