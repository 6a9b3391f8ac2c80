"""The two hour columns of hourly tables, in the types and the language of each engine.

Their names are in `hours.py`, which needs no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, PARTITION_KEY_FORMAT

if TYPE_CHECKING:
    from datetime import datetime

#: As Arrow fields.
HOUR_FIELDS = (pa.field(DAY_COLUMN, pa.date32()), pa.field(HOUR_COLUMN, pa.int32()))

#: As Polars types.
HOUR_TYPES: dict[str, pl.DataType] = {DAY_COLUMN: pl.Date(), HOUR_COLUMN: pl.Int32()}

#: As SQL types.
HOUR_SQL_TYPES = {DAY_COLUMN: "date", HOUR_COLUMN: "integer"}

#: The start of a row's hour, as a Polars expression.
HOUR_START = pl.col(DAY_COLUMN).cast(pl.Datetime("us", "UTC")) + pl.duration(
    hours=pl.col(HOUR_COLUMN).cast(pl.Int64)
)

#: The partition key of a row's hour, as a Polars expression.
HOUR_KEY = HOUR_START.dt.strftime(PARTITION_KEY_FORMAT)


def hour_columns_of(moment: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The two hour columns of a time in UTC, as Polars expressions."""
    return (
        moment.dt.date().alias(DAY_COLUMN),
        moment.dt.hour().cast(HOUR_TYPES[HOUR_COLUMN]).alias(HOUR_COLUMN),
    )


def hour_starts(rows: pl.DataFrame) -> list[datetime]:
    """The start of each row's hour, in the order of the rows."""
    return rows.select(HOUR_START).to_series().to_list()


def arrow_hour_columns(moments: pa.Array) -> list[pa.Array]:
    """The two hour columns of times in UTC, as Arrow arrays."""
    parts = (moments.cast(HOUR_FIELDS[0].type), pc.hour(moments))
    return [part.cast(field.type) for part, field in zip(parts, HOUR_FIELDS, strict=True)]
