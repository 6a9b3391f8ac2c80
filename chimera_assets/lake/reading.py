"""How rows get out of a table: only the files asked for, typed as the table is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import damage, partitions
from chimera_assets.lake.data_files import files, require_hour_columns, unplaced_files
from chimera_assets.lake.errors import LakeError, TableDamaged, TableNotFound
from chimera_assets.lake.layout import plain, require_known_features, require_own_places
from chimera_assets.lake.snapshot import polars_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deltalake import DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState

#: Files written under an older schema may lack columns or hold narrower numbers.
_CASTS = pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast")

#: Rows that a scan in bounded memory is let loose on: what it reads ahead is never more.
_SCANNED_ROWS = 524_288


def read(
    table: TableState, delta: DeltaTable, hours: HourRange | None, columns: Sequence[str] | None
) -> pl.LazyFrame:
    """The rows of the hours, lazily; see `Table.read`."""
    schema = polars_schema(delta)
    require_hour_columns(table, schema, hours)
    if not plain(delta):
        require_known_features(table, delta)
        frame = pl.scan_delta(delta, storage_options=table.storage_options or None)
        frame = frame.filter(partitions.expression(hours)) if hours is not None else frame
    else:
        frame = _scan(table, delta, schema, _in_order(files(table, delta, hours)))
    return _selected(table, schema, frame, columns)


def _selected(
    table: TableState, schema: pl.Schema, frame: pl.LazyFrame, columns: Sequence[str] | None
) -> pl.LazyFrame:
    wanted = list(columns) if columns is not None else list(schema)
    missing = [name for name in wanted if name not in schema]
    if missing:
        msg = f"{table.uri}: no column {', '.join(missing)}; the table has {', '.join(schema)}"
        raise LakeError(msg)
    return frame.select(wanted)


def read_unplaced(table: TableState, delta: DeltaTable, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of no hour; see `Table.read_unplaced`."""
    schema = polars_schema(delta)
    wanted = {name: schema[name] for name in columns}
    paths = unplaced_files(table, delta)
    if not paths:
        return pl.DataFrame(schema=wanted)
    frames = pl.scan_parquet(
        [f"{table.uri}/{path}" for path in paths],
        schema=wanted,
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        hive_partitioning=False,
        storage_options=table.storage_options or None,
        credential_provider=None,
    )
    return frames.collect()


def _scan(
    table: TableState, delta: DeltaTable, schema: pl.Schema, wanted: pl.DataFrame
) -> pl.LazyFrame:
    if wanted.is_empty():
        return pl.LazyFrame(schema=schema)
    require_own_places(table, wanted)
    _require_files(table, delta, wanted)
    # Not from `file_uris`, which percent-encodes the folder's name.
    uris = [f"{table.uri}/{path}" for path in wanted["path"]]
    parts = set(delta.metadata().partition_columns)
    return pl.scan_parquet(
        uris,
        schema=schema,
        hive_partitioning=bool(parts),
        hive_schema={name: schema[name] for name in schema if name in parts} or None,
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=_CASTS,
        glob=False,
        storage_options=table.storage_options or None,
        credential_provider=None,
    )


def _in_order(listed: pl.DataFrame) -> pl.DataFrame:
    """Data files in the order of their hours."""
    hour = [name for name in HOUR_COLUMNS if name in listed.columns]
    return listed.sort(*hour, maintain_order=True) if hour else listed


def _require_files(table: TableState, delta: DeltaTable, wanted: pl.DataFrame) -> None:
    try:
        damage.require_files(table, wanted)
    except TableDamaged as error:
        newest = table.version()
        if delta.version() == newest:
            raise
        msg = (
            f"{table.uri}: version {delta.version()} can no longer be read: {error.problem} "
            f"(vacuum deletes what only old versions use); the newest is {newest}"
        )
        raise TableNotFound(table.uri, msg) from None


def batches(
    table: TableState,
    delta: DeltaTable,
    hours: HourRange | None,
    columns: Sequence[str] | None,
    rows: int,
) -> Iterator[pl.DataFrame]:
    """The rows in bounded frames; see `Table.batches`."""
    for scan in _parts(table, delta, hours, columns):
        found = scan.collect_batches(chunk_size=rows, maintain_order=True, lazy=True)
        while (batch := _next(table, delta, hours, found)) is not None:
            for part in batch.iter_slices(rows):
                if part.height:
                    yield part


def _parts(
    table: TableState, delta: DeltaTable, hours: HourRange | None, columns: Sequence[str] | None
) -> Iterator[pl.LazyFrame]:
    """Scans that give the rows one after the other.

    A scan reads ahead as far as there are rows, however slowly they are consumed, so each is
    one of few rows: some small files, or a part of a large one.
    """
    if not plain(delta):
        yield read(table, delta, hours, columns)
        return
    schema = polars_schema(delta)
    for some in _grouped(_in_order(files(table, delta, hours))):
        frame = _selected(table, schema, _scan(table, delta, schema, some), columns)
        for offset in range(0, int(some["rows"].sum()), _SCANNED_ROWS):
            yield frame.slice(offset, _SCANNED_ROWS)


def _grouped(listed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Data files in groups of about `_SCANNED_ROWS` rows, or a single larger one."""
    first, rows = 0, 0
    for number, more in enumerate(listed["rows"].to_list()):
        if number > first and rows + more > _SCANNED_ROWS:
            yield listed[first:number]
            first, rows = number, 0
        rows += more
    if first < listed.height:
        yield listed[first:]


def _next(
    table: TableState, delta: DeltaTable, hours: HourRange | None, found: Iterator[pl.DataFrame]
) -> pl.DataFrame | None:
    try:
        return next(found, None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damage.explained(table, error, files(table, delta, hours)) from error
