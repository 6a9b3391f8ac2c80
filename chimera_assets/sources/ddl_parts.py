"""What the parts of a CREATE may call and copy: a default, a condition or an index is evaluated.

PostgreSQL works them out with the rights of whoever runs the script, which may be a superuser: the
functions that read the server's files are expressions like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlglot.tokenizer_core import Token

#: The functions that may be called: the time, identifiers, and what tidies a column for an index.
_FUNCTIONS = frozenset(
    ("clock_timestamp", "coalesce", "current_timestamp", "date_trunc", "gen_random_uuid", "length",
     "lower", "nextval", "now", "statement_timestamp", "transaction_timestamp", "trim", "upper",
     "uuidv7")
)  # fmt: skip

#: What else stands before a parenthesis: words of SQL, and types with a length.
_WORDS = frozenset(
    ("all", "and", "any", "as", "by", "check", "default", "exclude", "from", "hash", "identity",
     "in", "include", "inherits", "is", "key", "like", "list", "not", "or", "range", "then", "to",
     "unique", "when", "where", "with")
)  # fmt: skip
_TYPES = frozenset(
    ("bit", "bpchar", "char", "character", "dec", "decimal", "float", "geography", "geometry",
     "interval", "nchar", "numeric", "time", "timestamp", "timestamptz", "timetz", "varchar",
     "varying", "vector")
)  # fmt: skip

#: After these, and the schema, a name is a table's or an index method's, and no function's.
_BEFORE_NAMES = frozenset(("exists", "of", "on", "only", "references", "using"))

_OF_WHAT_IS_MADE = "tables that the file makes itself"


def refused(tokens: Sequence[Token], made: Collection[str]) -> tuple[str, str] | None:
    """What is expected and found of a statement that calls or copies what it may not; else None.

    Args:
        tokens: The statement.
        made: The tables that statements before it make, and its own.
    """
    for at, token in enumerate(tokens[:-1]):
        if tokens[at + 1].text == "(" and _is_word(token) and not _is_known(tokens, at):
            return f"no function but {', '.join(sorted(_FUNCTIONS))}", f"{token.text}()"
    others = sorted(set(_copied(tokens)) - set(made))
    return (_OF_WHAT_IS_MADE, others[0]) if others else None


def table_made(tokens: Sequence[Token]) -> str | None:
    """The table that a statement makes, with its schema as written; None if it makes none."""
    words = [_word(token) for token in tokens]
    if "table" not in words[:3]:
        return None
    return _name(tokens, words.index("exists") + 1)


def _word(token: Token) -> str:
    """A word in lower case, of several that are one token the last; a quoted name as it is."""
    if token.token_type.name == "IDENTIFIER":
        return f'"{token.text}"' if token.text.lower() != token.text else token.text
    return token.text.lower().rpartition(" ")[2]


def _is_word(token: Token) -> bool:
    """Whether it is a name or a word, and not a text that stands in quotes of a text."""
    kind = token.token_type.name
    is_name = token.text[:1].isalpha() or token.text[:1] == "_" or kind == "IDENTIFIER"
    return is_name and not kind.endswith("STRING")


def _is_known(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word before a parenthesis calls nothing, or what may be called."""
    word, begin = _word(tokens[at]), at
    while tokens[begin - 1].text == ".":  # CREATE and what it makes stand before any
        begin -= 2
    if _word(tokens[begin - 1]) in _BEFORE_NAMES:
        return True
    is_quoted = tokens[at].token_type.name == "IDENTIFIER"
    return begin == at and word in (_FUNCTIONS if is_quoted else _FUNCTIONS | _WORDS | _TYPES)


def _copied(tokens: Sequence[Token]) -> Iterator[str]:
    """The tables whose columns, rows or keys a statement takes part in."""
    for at, token in enumerate(tokens[:-1]):
        word, before = _word(token), _word(tokens[at - 1]) if at else ""
        if token.token_type.name == "IDENTIFIER":
            continue
        is_element = word == "like" and before in {"(", ","}
        if is_element or word == "references" or (word == "of" and before == "partition"):
            yield _name(tokens, at + 1)
        elif word == "inherits":
            yield from _names(tokens, at + 2)


def _names(tokens: Sequence[Token], at: int) -> Iterator[str]:
    """The names of a list in parentheses, from its first."""
    yield _name(tokens, at)
    for number in range(at, len(tokens)):
        if tokens[number].text == ")":
            return
        if tokens[number].text == ",":
            yield _name(tokens, number + 1)


def _name(tokens: Sequence[Token], at: int) -> str:
    """A name with its schema."""
    parts = [_word(token) for token in tokens[at : at + 1]]
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
        parts.append(_word(tokens[at]))
    return ".".join(parts)
