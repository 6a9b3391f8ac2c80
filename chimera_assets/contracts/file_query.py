"""`fileQuery`: a SELECT that makes the contract's rows of JSON files of another shape.

A file's documents (its lines, or all of a `.json` file) are the table `lines(line, document)`; what
the SELECT gives are rows, by the names of the contract's columns. It is DuckDB's SQL over that one
table, and gives the same rows of the same file whenever it is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chimera_assets.errors import in_short, one_line
from chimera_assets.packs.engine_functions import aggregates, changing_names
from chimera_assets.packs.errors import SelectError
from chimera_assets.packs.select import (
    is_row_by_row,
    names_in_select,
    read_select,
    takes_samples,
)
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from chimera_assets.contracts.model import Column
    from chimera_assets.yaml_documents import Document, Location

#: The table that a query reads, and its columns.
LINES = "lines"
_COLUMNS = "line BIGINT, document JSON"

#: What a query may give beside the contract's columns: the number of the line a row is from.
LINE = "line"

#: So much memory a query may have; the rest of what it needs is spilled.
_MEMORY = "1GB"

_INTEGERS = tuple(f"{sign}{size}int" for sign in ("", "u") for size in ("tiny", "small", "big"))
_WHOLE = (*_INTEGERS, "integer", "uinteger", "hugeint", "uhugeint")

#: Times without a zone.
TIMES = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns")

#: Contract type -> the types of DuckDB that hold it; a text is read as those of files are.
_FITTING: Mapping[str, tuple[str, ...]] = {
    "string": ("varchar", "uuid", "enum"),
    "integer": ("varchar", *_WHOLE),
    "number": ("varchar", *_WHOLE, "float", "double", "decimal"),
    "boolean": ("varchar", "boolean"),
    "timestamp": ("varchar", "timestamp with time zone", *TIMES),
    "date": ("varchar", "date"),
    "array<string>": ("varchar", "varchar[]"),
}


@dataclass(frozen=True, slots=True)
class FileQuery:
    """What is known of a query.

    Attributes:
        types: The columns that it gives, and their types in DuckDB.
        is_line_by_line: Whether the rows of a line follow from that line alone.
    """

    types: Mapping[str, str]
    is_line_by_line: bool


def confined(folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB with an empty table `lines`, which opens no file but its own; close it when done.

    Args:
        folder: Where it has its file, and spills; without one it is in memory.
    """
    import duckdb  # noqa: PLC0415 - few contracts have a query

    database = str(folder / "documents.duckdb") if folder is not None else ":memory:"
    spill = str(folder / "spill").replace("'", "''") if folder is not None else ""
    connection = duckdb.connect(database, config={"memory_limit": _MEMORY})
    for statement in (
        f"SET temp_directory = '{spill}'",
        "SET TimeZone = 'UTC'",
        "SET python_enable_replacements = false",
        f"CREATE TABLE {LINES} ({_COLUMNS})",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
    return connection


def check_file_query(
    document: Document, here: Location, sql: str, columns: Sequence[Column]
) -> None:
    """Note what is wrong with a query: no SELECT over the lines, or not of these columns.

    Args:
        document: The contract's file.
        here: Where the query stands in it.
        sql: The query.
        columns: The contract's columns.
    """
    try:
        found = read_file_query(sql).types
    except SelectError as error:
        document.problem(here, "fileQuery", expected=error.expected, found=error.found)
        return
    types = {column.name: column.type for column in columns}
    if len({name.lower() for name in found}) < len(found):
        expected = "each column once, whatever its case"
        document.problem(here, "fileQuery", expected=expected, found=", ".join(found))
    for name, kind in found.items():
        if name == LINE:
            continue
        if name not in types:
            what = f"column {name} of fileQuery"
            document.problem(here, what, expected=one_of(types, name), found=name)
        elif kind not in _FITTING[types[name]]:
            what = f"type of column {name} of fileQuery"
            document.problem(here, what, expected=one_of(_FITTING[types[name]]), found=kind)
    if missing := [one.name for one in columns if one.required and one.name not in found]:
        expected = "a column for each that the contract requires"
        document.problem(here, "fileQuery", expected=expected, found=f"no {in_short(missing)}")


@lru_cache(maxsize=32)
def read_file_query(sql: str) -> FileQuery:
    """See what a query gives.

    Raises:
        SelectError: It is no SELECT over the lines whose rows follow from them.
    """
    read = read_select(sql)
    if read.recursive:
        expected = "a SELECT that is sure to end"
        raise SelectError(expected, "WITH RECURSIVE")
    named = (f"{schema}.{name}" if schema else name for schema, name in read.relations)
    if others := sorted(name for name in named if name.lower() != LINES):
        expected = f"a SELECT over {LINES} ({_COLUMNS})"
        raise SelectError(expected, in_short(others))
    import duckdb  # noqa: PLC0415 - as above

    with confined() as connection:
        changing = [f"{name}()" for name in sorted(names_in_select(sql) & changing_names())]
        if changing or takes_samples(sql):
            expected = "a SELECT that gives the same rows at any time"
            raise SelectError(expected, in_short(changing) or "a sample")
        try:
            rows = connection.sql(sql)
        except duckdb.Error as error:
            expected = f"a SELECT that DuckDB takes, over {LINES} ({_COLUMNS})"
            said = one_line(str(error).partition("\n\nLINE ")[0], 200)
            raise SelectError(expected, said) from None
        types = dict(zip(rows.columns, map(_kind, rows.types), strict=True))
        return FileQuery(types, is_row_by_row(sql, aggregates()))


def _kind(kind: duckdb.sqltypes.DuckDBPyType) -> str:
    """A type by its name, without digits of decimals; JSON is text."""
    if kind.id == "list":
        parts: Any = kind.children  # of a list its items' type alone
        return f"{_kind(parts[0][1])}[]"
    return str(kind.id)
