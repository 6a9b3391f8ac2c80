"""Are a table's data files where its log says, and as large as it says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake.data_files import files
from chimera_assets.lake.storage import stored_files

if TYPE_CHECKING:
    from chimera_assets.hours import HourRange
    from chimera_assets.lake.snapshot import TableState


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
