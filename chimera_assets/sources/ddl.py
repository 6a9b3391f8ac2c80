"""A pack's `source.sql`: statements that make what is missing, and do nothing else.

They run in a database that is somebody's operational one, so that what a pack may do there is said
by a short list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.errors import one_line
from chimera_assets.packs.errors import PackError
from chimera_assets.paths import regular_text
from chimera_assets.sources.ddl_parts import refused, table_made
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlglot.tokenizer_core import Token

_EXPECTED = "CREATE TABLE, INDEX, SEQUENCE or SCHEMA, with IF NOT EXISTS and without AS SELECT"
_MAKES_WHAT_IS_MISSING = re.compile(
    r"CREATE (UNLOGGED TABLE|TABLE|UNIQUE INDEX|INDEX|SEQUENCE|SCHEMA) IF NOT EXISTS "
)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a script.

    Attributes:
        line: Its first line.
        sql: Its text, without the semicolon.
    """

    line: int
    sql: str


def read_ddl(script: Path) -> list[Statement]:
    """The statements of a script.

    Raises:
        PackError: It cannot be read as SQL, or has statements that are not for it; each with its
            line.
    """
    text = _text(script)
    statements: list[Statement] = []
    problems: list[Problem] = []
    made = set[str]()
    for tokens in _split(script, text):
        found = Statement(tokens[0].line, text[tokens[0].start : tokens[-1].end + 1])
        wrong: tuple[str, str] | None = (_EXPECTED, one_line(found.sql, _SHOWN))
        if _is_allowed(tokens):
            made |= {table_made(tokens) or ""}
            wrong = refused(tokens, made)
        if wrong is None:
            statements.append(found)
        else:
            problems.append(Problem(script, found.line, "statement", *wrong))
    if problems:
        raise PackError(problems)
    return statements


def _text(script: Path) -> str:
    try:
        return regular_text(script)
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or type(error).__name__
        raise PackError([Problem(script, 1, "script", "a readable UTF-8 file", found)]) from None


def _split(script: Path, text: str) -> Iterator[list[Token]]:
    from sqlglot import tokenize  # noqa: PLC0415 - heavy, and only needed here
    from sqlglot.errors import TokenError  # noqa: PLC0415 - as above
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415 - as above

    try:
        every = tokenize(text, read="postgres")
    except TokenError as error:
        found = one_line(str(error), _SHOWN)
        raise PackError([Problem(script, 1, "script", "SQL of PostgreSQL", found)]) from None
    statement: list[Token] = []
    for token in every:
        if token.token_type is not TokenType.SEMICOLON:
            statement.append(token)
        elif statement:
            yield statement
            statement = []
    if statement:
        yield statement


def _is_allowed(tokens: Sequence[Token]) -> bool:
    words = [token.text.upper() for token in tokens]
    match = _MAKES_WHAT_IS_MISSING.match(" ".join(words[:7]) + " ")
    return match is not None and not (match[1].endswith("TABLE") and _is_of_a_query(words))


def _is_of_a_query(words: Sequence[str]) -> bool:
    """Whether a table is made `AS` a query; a column's `GENERATED ALWAYS AS` is in parentheses."""
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word == "AS" and depth == 0:
            return True
    return False
