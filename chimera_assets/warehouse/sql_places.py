"""The line of a model's file that DuckDB complains of, though it has seen only what Jinja made."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from chimera_assets.errors import one_line

#: Where DuckDB's message quotes the SQL, with the line's number.
_QUOTED = re.compile(r"\n+LINE (?P<number>\d+): ")

#: What a message names: `"amonut"`, `read_text()`, or `pg_catalog.pg_settings`.
_NAMED = re.compile(r'"([^"\n]+)"|\b(\w+)\(\)|\b(\w+\.\w+|\w+_\w+)\b')


def place(message: str, text: str, sql: str, before: int = 0) -> tuple[int, str]:
    """The line of the model, the first if in doubt, and what DuckDB says without its quotation.

    Args:
        message: DuckDB's.
        text: The model's file.
        sql: What it was rendered to.
        before: So many lines stood before it in the statement.
    """
    quoted = _QUOTED.search(message)
    words = one_line(message[: quoted.start()] if quoted is not None else message)
    names = ["".join(groups) for groups in _NAMED.findall(words)]
    lines = text.splitlines()
    if quoted is None:
        return 1 + _with_name(lines, names, 0), words
    made = sql.splitlines()
    number = min(max(int(quoted["number"]) - 1 - before, 0), len(made) - 1)
    return 1 + _line(made, lines, number, names), words


def _line(made: list[str], lines: list[str], number: int, names: list[str]) -> int:
    """The line of the file from which a line of the SQL was made; both count from 0."""
    matcher = SequenceMatcher(None, _stripped(made), _stripped(lines), autojunk=False)
    for kind, first, end, first_line, end_line in matcher.get_opcodes():
        if first <= number < end:
            if kind == "equal":
                return first_line + number - first
            some = lines[first_line:end_line]
            if not some:
                return max(first_line - 1, 0)
            ratios = [SequenceMatcher(None, made[number], one).ratio() for one in some]
            return first_line + _with_name(some, names, ratios.index(max(ratios)))
    return 0


def _with_name(lines: list[str], names: list[str], otherwise: int) -> int:
    """The only line that has a name; another if there is none or more than one."""
    for name in names:
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        found = [number for number, line in enumerate(lines) if word.search(line)]
        if len(found) == 1:
            return found[0]
    return otherwise


def _stripped(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines]
