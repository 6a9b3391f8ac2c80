"""Are a table's data files where its log says, as large as it says, and as they were written?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.lake.data_files import files
from chimera_assets.lake.page_checksums import changed_column
from chimera_assets.lake.storage import is_s3, stored_files

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState


#: Files that are read at a time, a column of a row group of each.
_READERS = 4


def damaged_files(table: TableState, hours: HourRange | None = None) -> pl.DataFrame:
    """The data files of the newest version that are missing or have another size.

    Args:
        table: The table.
        hours: Only files of these hours.

    Returns:
        A row a file: `path`, `bytes` as the log says, `found` (null if the file is missing), and
        the hour columns of an hourly table.
    """
    listed = files(table, table.delta(), hours)
    stored = stored_files(table.uri, table.storage_options)
    found = pl.Series("found", [stored.get(path) for path in listed["path"]], dtype=pl.Int64)
    compared = listed.with_columns(found)
    return compared.filter(pl.col("found").is_null() | (pl.col("found") != pl.col("bytes")))


def changed_files(table: TableState, hours: HourRange | None = None) -> pl.DataFrame:
    """The data files of the newest version whose pages are not as they were written.

    Of S3 none is asked for: it has checksums of its own, and the whole lake would be fetched.
    Files that cannot be read at all are left to whoever reads their rows.

    Args:
        table: The table.
        hours: Only files of these hours.

    Returns:
        A row a file: `path`, `column` (of the first changed page), and the hour columns of an
        hourly table.
    """
    listed = files(table, table.delta(), hours)
    if is_s3(table.uri):
        listed = listed.head(0)
    paths = [Path(table.uri) / path for path in listed["path"]]
    with ThreadPoolExecutor(_READERS) as readers:  # reading and summing up need no interpreter
        columns = list(readers.map(_changed_column, paths))
    changed = listed.with_columns(pl.Series("column", columns, dtype=pl.String))
    return changed.filter(pl.col("column").is_not_null())


def _changed_column(file: Path) -> str | None:
    try:
        return changed_column(file)
    except (OSError, ValueError, pa.ArrowException):
        return None
