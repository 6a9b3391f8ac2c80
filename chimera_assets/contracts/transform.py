"""`transformLogic`: a column as an expression over the columns of its source table, row by row.

PostgreSQL parses and computes it, with the rights of the source's user. So every word of it is
looked at first: columns, literals, operators, casts and functions of a list. There is no SELECT
among them, hence no subquery; no aggregate, and nothing whose value another run would find changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Functions whose value follows from their arguments.
FUNCTIONS = frozenset(
    ("abs", "array_length", "array_position", "array_remove", "array_to_string", "ascii", "btrim",
     "cardinality", "ceil", "ceiling", "char_length", "coalesce", "concat", "concat_ws",
     "date_bin", "date_part", "date_trunc", "decode", "div", "encode", "exp", "extract", "floor",
     "greatest", "initcap", "json_array_length", "json_extract_path", "json_extract_path_text",
     "json_typeof", "jsonb_array_length", "jsonb_extract_path", "jsonb_extract_path_text",
     "jsonb_path_query_array",
     "jsonb_typeof", "least", "left", "length", "ln", "log", "lower", "lpad", "ltrim", "make_date",
     "make_interval", "make_timestamp", "make_timestamptz", "md5", "mod", "nullif", "octet_length",
     "position", "power", "regexp_replace", "regexp_split_to_array", "regexp_substr", "replace",
     "reverse", "right", "round", "rpad", "rtrim", "sha256", "sign", "split_part", "sqrt",
     "starts_with", "string_to_array", "strpos", "substr", "substring", "timezone", "to_char",
     "to_date", "to_number", "to_timestamp", "translate", "trim", "trunc", "upper")
)  # fmt: skip

#: What a value may be cast to; arrays of it, too.
_TYPES = frozenset(
    ("bigint", "bool", "boolean", "bytea", "char", "character", "character varying", "date",
     "decimal", "double precision", "float", "float4", "float8", "int", "int2", "int4", "int8",
     "integer", "interval", "json", "jsonb", "numeric", "real", "smallint", "text", "time",
     "timestamp", "timestamp with time zone", "timestamp without time zone", "timestamptz", "uuid",
     "varchar")
)  # fmt: skip

#: Types that a literal may have before it: interval '1 day'.
_OF_LITERALS = frozenset(("date", "interval", "time", "timestamp", "timestamptz"))

_KEYWORDS = frozenset(
    ("and", "array", "as", "at", "between", "both", "case", "cast", "distinct", "else", "end",
     "false", "for", "from", "ilike", "in", "is", "leading", "like", "not", "null", "or",
     "symmetric", "then", "trailing", "true", "when", "zone")
)  # fmt: skip

#: The functions that have words between their arguments.
_WORDED = frozenset(("extract", "position", "substring", "trim"))

_VOLATILE = "which is volatile; another run would give another value"

#: Words that are no column's without quotes, and what they would be.
_REFUSED = {
    **dict.fromkeys(("exists", "select", "union", "values", "with"), "a subquery"),
    **dict.fromkeys(("filter", "over", "window"), "a window over other rows"),
    **dict.fromkeys(
        ("current_date", "current_time", "current_timestamp", "current_user", "localtime",
         "localtimestamp", "session_user", "user"),
        _VOLATILE,
    ),
}  # fmt: skip

#: Functions that are known and refused, and why.
_REFUSED_FUNCTIONS = {
    **dict.fromkeys(
        ("array_agg", "avg", "bool_and", "bool_or", "count", "json_agg", "jsonb_agg", "max", "min",
         "string_agg", "sum"),
        "an aggregate; an expression sees one row",
    ),
    **dict.fromkeys(
        ("clock_timestamp", "gen_random_uuid", "nextval", "now", "random", "statement_timestamp",
         "timeofday", "transaction_timestamp", "uuid_generate_v4", "uuidv7"),
        _VOLATILE,
    ),
}  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<comment>--|/\*)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<operator>::|\|\||[-]>>?|\#>>?|[<>!]=|<>|[-+*/%<>=~(),\[\]])""",
    # PostgreSQL takes other digits and blanks for letters of a name.
    re.VERBOSE | re.ASCII,
)
_TYPE = re.compile(
    r"\s*(?P<name>double\s+precision|character\s+varying"
    r"|timestamp\s+with(?:out)?\s+time\s+zone|[^\W\d]\w*)"
    r"(?P<rest>\s*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\s*\[\s*\])*)",
    re.IGNORECASE | re.ASCII,
)

#: Words that make of a text another time in each run, once it is read as one.
_MOMENT = re.compile(r"\b(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
_OF_TIMES = re.compile(r"\b(date|time|timestamp|timestamptz)\b", re.IGNORECASE)
_TIMES = ("date", "time", "timestamp")
#: What follows AT, unless that is a column.
_TIME_ZONE = re.compile(r"\s+time\s+zone\b", re.IGNORECASE | re.ASCII)

_EXPECTED = "an expression of columns, operators, casts and plain functions"
_CLOSING = {")": "(", "]": "["}


class TransformError(ValueError):
    """An expression that cannot be used.

    Args:
        found: What stands there.
        expected: What may.
    """

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected, self.found = expected, found


@dataclass(frozen=True, slots=True)
class Name:
    """A column in an expression, as written, without its quotes."""

    name: str


@dataclass(frozen=True, slots=True)
class Transform:
    """An expression.

    Attributes:
        parts: Its text, taken apart at the columns.
    """

    parts: tuple[str | Name, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it reads, each once."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Name)))

    def sql(self, quoted: Callable[[str], str]) -> str:
        """The expression in parentheses, its columns as `quoted` gives them."""
        texts = (part if isinstance(part, str) else quoted(part.name) for part in self.parts)
        return f"({''.join(texts)})"


def read_transform(text: str) -> Transform:
    """An expression of PostgreSQL, checked word by word.

    Raises:
        TransformError: Something in it is not for an expression, or it is not closed.
    """
    reader = _Reader(text)
    parts = tuple(reader.read())
    if not any(isinstance(part, Name) or part.strip() for part in parts):
        _refuse("nothing")
    return Transform(parts)


class _Open(NamedTuple):
    """What is open around a word.

    Attributes:
        by: A bracket, or CASE.
        after: The word before that.
        names: How many columns were read before it.
        words: How many words and texts.
    """

    by: str
    after: str
    names: int
    words: int


class _Reader:
    """Reads an expression from left to right, with what is open around each word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._has_times = _OF_TIMES.search(text) is not None
        self._at = 0
        self._open: list[_Open] = []
        self._before = ""
        self._names = self._words = 0
        #: Where the value began that a cast which may follow is of.
        self._value = _Open("", "", 0, 0)

    def read(self) -> Iterator[str | Name]:
        while self._at < len(self._text):
            match = _TOKEN.match(self._text, self._at)
            if match is None or match.lastgroup == "comment":
                _refuse(repr(self._text[self._at : self._at + 10]))
            self._at = match.end()
            kind, part = str(match.lastgroup), match[0]
            if kind in {"number", "quoted", "text", "word"}:
                if part.lower() not in {"as", "end"}:
                    self._value = self._opened("", "")
                self._words += 1
            yield from self._part(kind, part)
            if kind != "blank":
                self._before = part.lower() if kind == "word" else part
            if part.lower() in {"::", "as"}:
                yield self._type()
        if self._open:
            _refuse(f"{self._open[-1].by} that nothing closes")

    def _part(self, kind: str, part: str) -> Iterator[str | Name]:
        if kind == "word":
            found = self._word(part)
            self._names += isinstance(found, Name)
            yield found
        elif kind == "quoted":
            if self._next() == "(":
                _refuse_function(part)
            self._names += 1
            yield Name(part[1:-1].replace('""', '"'))
        else:
            if kind == "operator":
                self._nest(part)
            yield part
            if kind == "text" and _MOMENT.search(part):
                if self._has_times:
                    _refuse(f"{part}, {_VOLATILE}")
                yield "::text"  # PostgreSQL would read it as a time where one is expected

    def _word(self, written: str) -> str | Name:
        word, following = written.lower(), self._next()
        if self._text[self._at : self._at + 1] == "'":
            _refuse(f"{written}'…', a text with escapes", "plain texts in quotes")
        if word in _REFUSED:
            _refuse(f"{written}, {_REFUSED[word]}")
        if self._before == "(" and self._open[-1].after == "extract":
            return written  # the field
        if word in _KEYWORDS and (word != "at" or _TIME_ZONE.match(self._text, self._at)):
            self._keyword(word)
            return written
        if following == "(":
            if word not in FUNCTIONS:
                _refuse_function(written)
            return written
        is_of_literal = following == "'" and word in _OF_LITERALS
        at_time_zone = word == "time" and self._before == "at"
        return written if is_of_literal or at_time_zone else Name(written)

    def _keyword(self, word: str) -> None:
        within = self._open[-1] if self._open else _Open("", "", 0, 0)
        if word == "from" and self._before != "distinct" and within.after not in _WORDED:
            _refuse("FROM, a subquery")
        if word == "as":
            if within.after != "cast":
                _refuse("AS", "an expression without a name")
            self._value = within
            self._words -= 1  # it is none of the value
        if word == "case":
            self._open.append(self._opened("CASE", ""))
        if word == "end":
            if within.by != "CASE":
                _refuse("END without CASE")
            self._value = self._open.pop()

    def _opened(self, by: str, after: str) -> _Open:
        return _Open(by, after, self._names, self._words)

    def _nest(self, operator: str) -> None:
        if operator in {"(", "["}:
            opened = self._opened(operator, self._before)
            # A call begins with its function's name.
            self._open.append(opened._replace(words=opened.words - (self._before in FUNCTIONS)))
        elif operator in _CLOSING:
            if not self._open or self._open[-1].by != _CLOSING[operator]:
                _refuse(f"{operator} that closes nothing")
            self._value = self._open.pop()
        elif operator == "," and not self._open:
            _refuse("several values, separated by a comma", "one value")

    def _type(self) -> str:
        match = _TYPE.match(self._text, self._at)
        name = " ".join(match["name"].lower().split()) if match else ""
        if match is None or name not in _TYPES:
            _refuse(f"a cast to {name or 'nothing'}", one_of(_TYPES, name))
        is_constant = self._names == self._value.names
        if is_constant and self._words - self._value.words > 1 and name.startswith(_TIMES):
            # Words put together may well be 'now'.
            _refuse(f"a cast to {name} of texts put together", "a time as one text, or a column")
        self._at = match.end()
        self._before = name
        return match[0]

    def _next(self) -> str:
        return self._text[self._at :].lstrip()[:1]


def _refuse(found: str, expected: str = _EXPECTED) -> NoReturn:
    raise TransformError(found, expected)


def _refuse_function(name: str) -> NoReturn:
    if why := _REFUSED_FUNCTIONS.get(name.lower()):
        _refuse(f"{name}(), {why}")
    _refuse(f"{name}()", f"a plain function, {one_of(FUNCTIONS, name.lower())}")
