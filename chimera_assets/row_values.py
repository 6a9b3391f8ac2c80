"""Errors without values of rows, which may be prompts or personal data.

Engines quote in their messages what they stumbled upon ("Could not convert string 'my name is …' to
INT32"), and a message goes everywhere: the terminal, logs, Dagster's events, alerts. So an error of
others is passed on with its kind and what it says of columns and types; its own words only where
its kind speaks of a statement, a name or the storage, and never of a value.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, chain

if TYPE_CHECKING:
    from collections.abc import Iterator

#: In place of words that nobody can tell apart from values.
NOT_SHOWN = "may quote values of rows and is not shown"
_SILENT = f"what it says {NOT_SHOWN}"

#: Kinds of DuckDB's errors that are about the statement, names, or the storage. "Not implemented
#: Error" is none: it quotes time zones, which may be a column's values.
_DUCKDB_OPEN = frozenset(
    {
        "Binder Error",
        "Catalog Error",
        "Connection Error",
        "Dependency Error",
        "HTTP Error",
        "IO Error",
        "Out of Memory Error",
        "Parser Error",
        "Permission Error",
        "Serialization Error",
        "Syntax Error",
        "TransactionContext Error",
    }
)
#: Kinds of its errors that some values cause and others do not.
_DUCKDB_OF_VALUES = frozenset(
    {
        "Conversion Error",
        "Decimal Error",
        "Divide by Zero Error",
        "Invalid Input Error",
        "Invalid Type Error",
        "Mismatch Type Error",
        "Out of Range Error",
    }
)
#: How its message begins. A result that broke off half-way wraps the true one.
_DUCKDB_KIND = re.compile(
    r"(?:Invalid Input Error: Attempting to execute an unsuccessful[^\n]*\nError: )?"
    r"(?P<kind>[A-Z]\w*(?: \w+){0,3} Error|INTERNAL Error): "
)
_TYPES = (
    r"U?INT(?:8|16|32|64|128)|U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BOOL(?:EAN)?|FLOAT|DOUBLE|"
    r"DECIMAL\(\d+,\s?\d+\)|DATE|TIME|TIMESTAMP(?:_\w+| WITH TIME ZONE)?|INTERVAL|UUID"
)
#: The end of what it says of a cast, behind the value.
_DUCKDB_CAST = re.compile(
    rf" to (?:the destination type )?(?P<type>(?:{_TYPES})(?:\[\])*)"
    r"(?: when casting from source column (?P<column>\w+))?\Z"
)
_DUCKDB_COLUMN = re.compile(r" when casting from source column (?P<column>\w+)\Z")

#: Polars' errors of names and shapes, and how it begins to speak of a cast, before the values.
_POLARS_OPEN = frozenset(
    {
        "ColumnNotFoundError",
        "DuplicateError",
        "NoDataError",
        "SchemaError",
        "SchemaFieldNotFoundError",
        "ShapeError",
        "StructFieldNotFoundError",
    }
)
_POLARS_CAST = re.compile(r"conversion from `[^`]*` to `[^`]*` failed in column '[^']*'")

#: Libraries that handle values of rows and quote them; Python's own errors that do so.
_ENGINES = frozenset(
    {"_duckdb", "adbc_driver_manager", "duckdb", "pandera", "polars", "psycopg", "pyarrow"}
)
_QUOTING = (ValueError, LookupError)


def duckdb_words(text: str) -> str:
    """DuckDB's message without values of rows: the kind of error, and column and type of a cast."""
    begin = _DUCKDB_KIND.match(text)
    if begin is None:
        return _SILENT
    kind = begin["kind"]
    if kind in _DUCKDB_OPEN:
        return text
    if kind != "Conversion Error":
        return f"{kind}: {_SILENT}"
    said = text.partition("\n\nLINE ")[0]
    cast, column = _DUCKDB_CAST.search(said), _DUCKDB_COLUMN.search(said)
    of_column = f" of column {column['column']}" if column else ""
    to_type = f" to {cast['type']}" if cast else ""
    return f"{kind}: a value{of_column} cannot be converted{to_type}; the value is not shown"


def value_fault(error: BaseException) -> str | None:
    """What DuckDB says of values that a statement cannot compute with, without them; else None."""
    for one in chain(error):
        begin = _DUCKDB_KIND.match(str(one))
        if begin is not None and begin["kind"] in _DUCKDB_OF_VALUES:
            return duckdb_words(str(one))
    return None


def words(error: BaseException) -> str:
    """What an error says, without values of rows."""
    text, library = str(error), type(error).__module__.partition(".")[0]
    if library in {"duckdb", "_duckdb"} or _is_duckdb_text(error):
        return duckdb_words(text)
    if library == "polars":
        if type(error).__name__ in _POLARS_OPEN:
            return text
        cast = _POLARS_CAST.match(text)
        return f"{cast[0]}; the values are not shown" if cast else _SILENT
    if library in _ENGINES or (library == "builtins" and isinstance(error, _QUOTING)):
        return _SILENT
    return text


def without_values(error: BaseException) -> BaseException:
    """The error, to be raised again, with no value of a row in it or in what it was raised from.

    Errors of ours and those that never quote rows are the same object; of the others a copy is
    made of the same class, with the same traceback.
    """
    links = list(chain(error))
    safe = [_copy(link) for link in links]
    for link, cause in zip(safe, [*safe[1:], None], strict=True):
        # A cause that is the engine's own error would be written down with it.
        link.__cause__, link.__context__ = cause, None
    return safe[0]


@contextmanager
def values_hidden() -> Iterator[None]:
    """Within it, or in a function that it decorates, errors are raised without values of rows."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - raised again, without values
        safe = without_values(error)
        raise safe from safe.__cause__


def _copy(error: BaseException) -> BaseException:
    if isinstance(error, ChimeraError) or (said := words(error)) == str(error):
        return error
    try:
        safe = type(error)(said)
    except TypeError:  # its class wants more than words
        safe = RuntimeError(f"{type(error).__name__}: {said}")
    return safe.with_traceback(error.__traceback__)


def _is_duckdb_text(error: BaseException) -> bool:
    """Whether DuckDB's words came through Arrow, which makes an error without a number of them."""
    if not isinstance(error, OSError) or error.errno is not None:
        return False
    return _DUCKDB_KIND.match(str(error)) is not None
