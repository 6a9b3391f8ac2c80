"""A user's SELECT over the lake's tables by their names, in DuckDB: read only, bounded memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa

from chimera_assets.errors import ArgumentError, one_line
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.memory_bound import memory_bound
from chimera_assets.privacy.masking import MASK
from chimera_assets.row_values import duckdb_words
from chimera_assets.spool import spool_folder
from chimera_assets.warehouse.duckdb import connect, identifier, quoted, scan_sql
from chimera_assets.warehouse.select_tables import what_is_read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from chimera_assets.lake.lake import Lake
    from chimera_assets.privacy.table_masks import Masks
    from chimera_assets.warehouse.select_tables import Read

_MEMORY = "1GB"

#: With texts that functions make, with what waits to be printed, and with the engines' threads.
_MOST_BYTES = 4 * 2**30

#: Rows handed on at a time: each may be wide.
_ROWS = 2_048

_TOO_LARGE = f"it needs more memory than it may have ({_MEMORY}); ask for fewer or shorter values"

#: DuckDB's types that are handed on as they are, also in a list or struct; whatever else there is
#: comes as its text, and times, of which DuckDB knows more than any calendar, as ISO 8601.
_KEPT = frozenset(
    {
        *("boolean", "varchar", "float", "double", "decimal"),
        *("tinyint", "smallint", "integer", "bigint"),
        *("utinyint", "usmallint", "uinteger", "ubigint"),
    }
)
_TIMES = frozenset({"timestamp", "timestamp with time zone"})
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """A table of a query, in one version.

    Attributes:
        read: The table.
        version: Its version.
        masked: The columns of which a query sees masks alone.
        used: Those of them that this query may use.
        computed: Those of them that it may do more with than list them.
    """

    read: Read
    version: int
    masked: frozenset[str]
    used: frozenset[str]
    computed: frozenset[str]

    @property
    def path(self) -> str:
        """Layer and name, as commands write them."""
        return f"{self.read.layer}/{self.read.name}"


def pinned_tables(
    lake: Lake, query: str, masks: Masks, *, as_of: int | datetime | None
) -> list[PinnedTable]:
    """The tables that a query reads, each in the version that it is to read.

    Args:
        lake: The lake.
        query: One SELECT.
        masks: What is masked.
        as_of: A version, for a query of one table, or a time; None is the newest.

    Raises:
        ArgumentError: The query is not one SELECT over tables of the lake.
        TableNotFound: A table has no such version.
    """
    reading = what_is_read(query, lake.tables())
    several = len({(read.layer, read.name) for read in reading.tables}) > 1
    if isinstance(as_of, int) and several:
        msg = f"--as-of: expected a time, as the query reads several tables; found version {as_of}"
        raise ArgumentError(msg)
    version, moment = (as_of, None) if isinstance(as_of, int) else (None, as_of)
    pinned = []
    for read in reading.tables:
        delta = lake.table(read.layer, read.name).delta(version, moment)
        masked = masks.columns(read.layer, read.name, polars_schema(delta))
        used = frozenset(filter(reading.may_use, masked))
        computed = frozenset(filter(reading.may_compute, used))
        pinned.append(PinnedTable(read, delta.version(), masked, used, computed))
    return pinned


@contextmanager
def query_rows(
    lake: Lake, query: str, tables: Collection[PinnedTable], *, reveal: bool
) -> Iterator[pl.LazyFrame]:
    """In the block, the rows that the query gives, lazily.

    Args:
        lake: The lake.
        query: The query.
        tables: Its tables, of `pinned_tables`.
        reveal: Whether it sees the values of the masked columns that it uses.

    Raises:
        ArgumentError: DuckDB refuses the query, or fails on a value while it runs.
    """
    with (
        spool_folder("sql") as folder,
        connect(lake) as connection,
        memory_bound(_MOST_BYTES),
    ):
        _confine(connection, lake, folder)
        for table in tables:
            _make_view(connection, lake, table, table.masked - (table.used if reveal else set()))
        connection.execute("SET lock_configuration = true")
        try:
            yield _plain(_typed(connection.sql(query)))
        except (MemoryError, pa.ArrowMemoryError):
            msg = f"the query: {_TOO_LARGE}"
            raise ArgumentError(msg) from None
        except (pa.ArrowException, RecursionError, pl.exceptions.PanicException):
            msg = (
                "the query: its answer holds values that cannot be handed on; CAST them to VARCHAR"
            )
            raise ArgumentError(msg) from None
        except (duckdb.Error, OSError, pl.exceptions.ComputeError) as error:
            if (said := _refusal(error)) is None:
                raise
            msg = f"the query: {said}"
            raise ArgumentError(msg) from None


def _confine(connection: duckdb.DuckDBPyConnection, lake: Lake, folder: Path) -> None:
    """No more memory, files and Python objects than a query needs.

    Beside the lake DuckDB may open the folder into which it spills.
    """
    for setting, value in (
        ("memory_limit", _MEMORY),
        ("temp_directory", str(folder)),
        ("python_enable_replacements", "false"),
    ):
        connection.execute(f"SET {setting} = {quoted(value)}")
    allowed = quoted(lake.uri if "://" in lake.uri else f"{lake.uri}/")
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")


def _make_view(
    connection: duckdb.DuckDBPyConnection, lake: Lake, table: PinnedTable, masked: frozenset[str]
) -> None:
    read = table.read
    hidden = ", ".join(
        f"CASE WHEN {column} IS NOT NULL THEN {quoted(MASK)} END AS {column}"
        for column in map(identifier, sorted(masked))
    )
    columns = f"* REPLACE ({hidden})" if hidden else "*"
    rows = scan_sql(lake.table(read.layer, read.name), table.version)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(read.layer)}")
    place = (
        identifier(read.name) if read.bare else f"{identifier(read.layer)}.{identifier(read.name)}"
    )
    connection.execute(f"CREATE VIEW {place} AS SELECT {columns} FROM {rows}")  # noqa: S608 - quoted


def _typed(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The rows with names that differ, and with types that every format can print."""
    named = rows.query("_asked", "SELECT * FROM _asked")
    columns = (
        f"{_shown(name, kind)} AS {name}"
        for name, kind in zip(map(identifier, named.columns), named.types, strict=True)
    )
    return named.query("_named", f"SELECT {', '.join(columns)} FROM _named")  # noqa: S608 - quoted


def _shown(name: str, kind: DuckDBPyType) -> str:
    """A column as SQL of a type that every format can print."""
    if kind.id in _TIMES:
        text = f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        short = f"regexp_replace({text}, '[.]000000Z$', 'Z')"
        return f"CASE WHEN isfinite({name}) THEN {short} ELSE CAST({name} AS VARCHAR) END"
    if kind.id == "hugeint" or _is_kept(kind):
        return name
    return f"CAST({name} AS VARCHAR)"


def _is_kept(kind: DuckDBPyType, depth: int = 0) -> bool:
    if kind.id in {"list", "struct"}:
        parts: Any = (part for _, part in kind.children)  # the stubs know of other children
        return depth < _DEEPEST and all(_is_kept(part, depth + 1) for part in parts)
    return kind.id in _KEPT


def _plain(rows: duckdb.DuckDBPyRelation) -> pl.LazyFrame:
    """The rows in Polars; sums of integers are integers again."""
    frame: pl.LazyFrame = rows.pl(_ROWS, lazy=True)
    sums = [
        name for name, kind in zip(rows.columns, rows.types, strict=True) if kind.id == "hugeint"
    ]
    return frame.with_columns(pl.col(sums).cast(pl.Int128))


def _refusal(error: Exception) -> str | None:
    """What DuckDB says against a query, without values; None if the error is of another kind."""
    said = duckdb_words(str(error))
    if "Out of Memory" in said:  # DuckDB's advice is about settings that are fixed here
        return _TOO_LARGE
    kinds = ("Binder", "Catalog", "Conversion", "Invalid Input", "Out of Range", "Parser", "Syntax")
    if not said.startswith(kinds):
        return None
    return one_line(said.partition("\n\nLINE ")[0])
