"""The rows of some hours of a lake table in DuckDB, for SQL that packs bring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake.data_files import files
from chimera_assets.lake.layout import plain, require_own_places
from chimera_assets.warehouse.duckdb import quoted, scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.table import Table

_PATTERN = re.compile(r"[*?\[]")


def hour_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, ranges: Sequence[HourRange]
) -> str:
    """A SELECT of a table's rows of some hours, typed as the table is; opens no other hour's file.

    Args:
        connection: Where it is going to be run, one of `warehouse.duckdb.connect`.
        table: A table by the hour.
        ranges: The hours.
    """
    schema = table.schema()
    empty = f"_no_{table.name}"
    connection.register(empty, schema.empty_table())
    columns = ", ".join(f'"{name}"' for name in schema.names)
    # What files of an older schema lack is null.
    rows = " UNION ALL BY NAME ".join(f"FROM {part}" for part in (empty, *_parts(table, ranges)))
    return f"SELECT {columns} FROM ({rows})"  # noqa: S608 - all quoted


def _parts(table: Table, ranges: Sequence[HourRange]) -> Iterator[str]:
    """What has the rows, as SQL: nothing where the hours have no file."""
    delta = table.delta()
    if not plain(delta):
        hours = " OR ".join(map(_in_hours, ranges)) or "false"
        yield f"{scan_sql(table, delta.version())} WHERE {hours}"
    elif ranges and not (found := pl.concat(files(table, delta, h) for h in ranges)).is_empty():
        require_own_places(table, found)
        paths = found["path"]
        listed = ", ".join(quoted(_no_pattern(f"{table.uri}/{path}")) for path in paths)
        options = "hive_partitioning = true, hive_types = {hour_partition: DATE, hour: INTEGER}"
        yield f"read_parquet([{listed}], union_by_name = true, {options})"


def _in_hours(hours: HourRange) -> str:
    start = "hour_partition + to_hours(hour)"
    first, end = (f"TIMESTAMP '{edge:%Y-%m-%d %H:00}'" for edge in (hours.start, hours.end))
    return f"({start} >= {first} AND {start} < {end})"


def _no_pattern(path: str) -> str:
    """The path, escaped so that DuckDB does not read a part of it as a pattern."""
    return _PATTERN.sub(r"[\g<0>]", path)
