"""What a section's SELECT gives: an answer that is in time, and fits into a report."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.row_values import duckdb_words

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Rows of an answer: a table of a report that has more is no table for people.
MOST_ROWS = 100_000

#: Bytes of the texts of an answer: all of a report has to fit into one JSON document.
MOST_TEXT_BYTES = 20_000_000

#: So many rows are taken at once.
_FETCHED = 1_000

#: Seconds that one query may take.
MOST_SECONDS = 60.0


class QueryError(ChimeraError):
    """A section's SELECT cannot be run.

    Args:
        where: The section and the part of it.
        problem: What was expected and found, without values of rows.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where, self.problem = where, problem
        super().__init__(f"{where}: {problem}")


class AbsentError(QueryError):
    """A SELECT names a table that is not there; `table` is its name without a layer."""

    def __init__(self, where: str, problem: str, table: str) -> None:
        self.table = table
        super().__init__(where, problem)


class UnreadableError(QueryError):
    """A table that a SELECT reads is damaged, or there no more, though no horizon has passed."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table that a figure was computed from.

    Attributes:
        table: Layer and name.
        version: Its version.
        rows: How many of its rows are of the period and tenant.
    """

    table: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives.

    Attributes:
        columns: The names of its columns.
        rows: Its rows, with values as Python has them: decimals exact, times in UTC.
        sql: The query.
        read: The tables that it read.
        seconds: How long it took.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    sql: str
    read: tuple[TableRead, ...]
    seconds: float


def answer(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    sql: str,
    read: tuple[TableRead, ...],
    seconds: float,
) -> Answer:
    """Run a query, and take what it gives.

    Args:
        connection: The database with what it may see.
        where: Where it stands, for errors.
        sql: The query.
        read: The tables that it reads.
        seconds: For how long it may run.

    Raises:
        QueryError: It fails, takes longer, or gives more than a table of a report has room for.
    """
    started = time.perf_counter()
    try:
        with _in_time(connection, where, seconds):
            asked = connection.execute(sql)
            columns = tuple(str(one[0]) for one in asked.description or ())
            rows = _fetched(asked, where)
    except (ValueError, OverflowError, TypeError) as error:  # an interval of too many days
        expected = "values as Python has them (cast others to text)"
        raise QueryError(where, f"expected {expected}, found {type(error).__name__}") from None
    except (duckdb.Error, MemoryError) as error:
        said = one_line(duckdb_words(str(error)).partition("\n\nLINE ")[0]) or "too much memory"
        raise QueryError(where, said) from None
    if len(set(map(str.lower, columns))) < len(columns):
        raise QueryError(where, "expected columns whose names differ, found one name twice")
    return Answer(columns, tuple(map(tuple, rows)), sql, read, time.perf_counter() - started)


def _fetched(asked: duckdb.DuckDBPyConnection, where: str) -> list[tuple[Any, ...]]:
    """An answer's rows, unless they are more than a table of a report has room for."""
    rows: list[tuple[Any, ...]] = []
    size = 0
    while some := asked.fetchmany(_FETCHED):
        rows += some
        size += sum(_size(value) for row in some for value in row)
        if len(rows) > MOST_ROWS:
            raise QueryError(where, f"expected at most {MOST_ROWS:,} rows, found more")
        if size > MOST_TEXT_BYTES:
            expected = f"at most {MOST_TEXT_BYTES:,} bytes of texts"
            raise QueryError(where, f"expected {expected}, found more")
    return rows


def _size(value: object) -> int:
    """The bytes of a value that is a text or becomes one; numbers and times have few."""
    if isinstance(value, str):
        return len(value.encode())
    return len(str(value)) if isinstance(value, bytes | list | tuple | dict) else 0


@contextmanager
def _in_time(connection: duckdb.DuckDBPyConnection, where: str, seconds: float) -> Iterator[None]:
    """In the block, interrupt the connection once its time is up."""
    over = threading.Timer(seconds, connection.interrupt)
    over.daemon = True
    over.start()
    try:
        yield
    except duckdb.InterruptException:
        if over.is_alive():
            raise
        expected = f"an answer within {seconds:g} seconds"
        raise QueryError(where, f"expected {expected}, found none") from None
    finally:
        over.cancel()
