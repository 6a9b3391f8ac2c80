"""PostgreSQL to checked, deduplicated Delta, against bare ADBC read plus bare Delta write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from deltalake import write_deltalake

from benchmarks.data import START
from benchmarks.outcome import Outcome, alternated
from benchmarks.source import filled
from benchmarks.taking import take
from chimera_assets.hours import HOUR_COLUMNS, partition_values
from chimera_assets.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 5_000_000


def measure(rows: int, home: Path) -> Outcome:
    """Take the hour, each time into new tables."""
    url = filled(rows)

    def ours(number: int) -> None:
        take(url, Lake(str(home / f"lake_{number}")))

    def floor(number: int) -> None:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM generations")
            read = cursor.fetch_arrow_table()
        for name, value in zip(HOUR_COLUMNS, partition_values(START), strict=True):
            read = read.append_column(name, pa.repeat(pa.scalar(value), read.num_rows))
        write_deltalake(str(home / f"floor_{number}"), read, partition_by=list(HOUR_COLUMNS))

    return alternated(rows, ours, floor, at_least=0.7, rounds=2)
