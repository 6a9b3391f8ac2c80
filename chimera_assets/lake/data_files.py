"""A table's data files as its log lists them: paths, sizes, rows, and the hours they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import polars as pl
import pyarrow as pa

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import partitions
from chimera_assets.lake.errors import LakeError
from chimera_assets.lake.layout import DELETION_VECTORS, require_known_features
from chimera_assets.lake.snapshot import polars_schema

if TYPE_CHECKING:
    from datetime import datetime

    from deltalake import DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.location import TableLocation


#: Table -> the place and version of which columns and files are known.
_known: WeakKeyDictionary[TableLocation, tuple[tuple[str, int], pl.Schema, pl.DataFrame]] = (
    WeakKeyDictionary()
)


def files(table: TableLocation, delta: DeltaTable, hours: HourRange | None) -> pl.DataFrame:
    """One row a data file: `path`, `bytes`, `rows`, and the hour columns of an hourly table."""
    schema, listed = _listed(table, delta)
    require_hour_columns(table, schema, hours)
    if hours is not None:
        listed = listed.filter(partitions.expression(hours))
    return _without_deleted(table, delta, _with_missing_counts(table, listed))


def _listed(table: TableLocation, delta: DeltaTable) -> tuple[pl.Schema, pl.DataFrame]:
    """The table's columns, and all files as its log has them.

    They are kept, as a step asks for those of one version many times.
    """
    version = (delta.table_uri, delta.version())
    known = _known.get(table)
    if known is not None and known[0] == version:
        return known[1:]
    schema, actions = polars_schema(delta), pl.DataFrame(delta.get_add_actions(flatten=True))
    hourly = [
        pl.col(f"partition.{name}").cast(schema[name]).alias(name)
        for name in HOUR_COLUMNS
        if f"partition.{name}" in actions.columns
    ]
    listed = actions.select("path", *hourly, bytes="size_bytes", rows="num_records")
    listed = listed.with_columns(path=_as_stored(listed["path"]))
    _known[table] = (version, schema, listed)
    return schema, listed


def rows_by_hour(table: TableLocation, delta: DeltaTable, hours: HourRange | None) -> pl.DataFrame:
    """Rows of each hour; see `Table.rows_by_hour`."""
    listed = files(table, delta, hours)
    require_hour_columns(table, listed.schema, hours, always=True)
    return (
        listed.group_by(HOUR_COLUMNS)
        .agg(pl.col("rows").sum())
        .filter((pl.col("rows") > 0) & pl.col(HOUR_COLUMNS[0]).is_not_null())
        .sort(HOUR_COLUMNS)
    )


def sizes_by_hour(table: TableLocation, delta: DeltaTable, hours: HourRange | None) -> pl.DataFrame:
    """Rows and bytes of each hour; see `Table.sizes_by_hour`."""
    listed = files(table, delta, hours)
    require_hour_columns(table, listed.schema, hours, always=True)
    return listed.group_by(HOUR_COLUMNS).agg(pl.col("rows", "bytes").sum()).sort(HOUR_COLUMNS)


def last_hour(table: TableLocation, delta: DeltaTable) -> datetime | None:
    """The last hour that has rows; see `Table.last_hour`."""
    listed = files(table, delta, None).filter(pl.col("rows") > 0)
    if not set(HOUR_COLUMNS) <= set(listed.columns):
        return None
    last: datetime | None = listed.select(HOUR_START.max()).item()
    return last


def unplaced_files(table: TableLocation, delta: DeltaTable) -> list[str]:
    """The paths of the data files whose rows are of no hour."""
    return files(table, delta, None).filter(pl.col(HOUR_COLUMNS[0]).is_null())["path"].to_list()


def require_hour_columns(
    table: TableLocation, schema: pl.Schema, hours: HourRange | None, *, always: bool = False
) -> None:
    """Refuse hours of a table that is not by the hour.

    Raises:
        LakeError: It lacks the hour columns.
    """
    if (hours is not None or always) and not set(HOUR_COLUMNS) <= set(schema):
        msg = f"{table.uri}: expected an hourly table, found no column {HOUR_COLUMNS[0]}"
        raise LakeError(msg)


def _as_stored(paths: pl.Series) -> pl.Series:
    """Paths as the files are called; the log has them as parts of a URL."""
    if not paths.str.contains("%", literal=True).any():
        return paths
    return pl.Series("path", [unquote(path) for path in paths], dtype=pl.String)


def _with_missing_counts(table: TableLocation, listed: pl.DataFrame) -> pl.DataFrame:
    """Count the rows of files whose writer left the count out of the log."""
    unknown = listed.filter(pl.col("rows").is_null())["path"]
    if unknown.is_empty():
        return listed
    counts = {path: _rows_of(table, path) for path in unknown}
    counted = pl.col("path").replace_strict(counts, default=None, return_dtype=pl.Int64)
    return listed.with_columns(pl.col("rows").fill_null(counted))


def _without_deleted(table: TableLocation, delta: DeltaTable, listed: pl.DataFrame) -> pl.DataFrame:
    """Rows that another tool deleted in place, of which the log knows, are none."""
    if DELETION_VECTORS not in (delta.protocol().reader_features or ()):
        return listed
    require_known_features(table, delta)
    vectors = pl.DataFrame(pa.table(delta.deletion_vectors()))
    deleted = {
        unquote(uri).partition(f"{table.uri}/")[2]: kept.count(False)
        for uri, kept in vectors.iter_rows()
    }
    gone = pl.col("path").replace_strict(deleted, default=0, return_dtype=pl.Int64)
    return listed.with_columns(pl.col("rows") - gone)


def _rows_of(table: TableLocation, path: str) -> int:
    options = table.storage_options or None
    scan = pl.scan_parquet(
        f"{table.uri}/{path}", glob=False, storage_options=options, credential_provider=None
    )
    return int(scan.select(pl.len()).collect().item())
