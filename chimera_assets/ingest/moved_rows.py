"""Rows that moved: raw still has their key in the hour they were in before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.sources.text_values import in_type

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table

_ROWS_AT_ONCE = 1_000_000

#: A key's fingerprint and the hour that its row is in.
KEY_PRINTS = pl.Schema({"print": pl.UInt64(), "placed": pl.Datetime("us", "UTC")})


def key_prints(contract: Contract, rows: pl.DataFrame, **hour: pl.Expr) -> pl.DataFrame:
    """A row's hour, and its key as one 64-bit number: 16 bytes a row, whatever the keys' size."""
    keyed = rows.with_columns(
        in_type(contract.column(name), rows[name]).alias(name) for name in contract.key
    ).drop_nulls(list(contract.key))
    return keyed.select(print=pl.struct(list(contract.key)).hash(seed=0), **hour)


def moved_from(
    raw: Table, contract: Contract, keys: pl.DataFrame, hours: HourRange | None
) -> Hours:
    """The hours in which raw holds one of these keys, though its row is in another hour now.

    Args:
        raw: The stream's raw table.
        contract: The stream's contract.
        keys: Fingerprint and hour of rows that arrived.
        hours: Look only there; None for every hour.
    """
    if keys.is_empty():
        return NO_HOURS
    found: set[datetime] = set()
    for frame in raw.batches(hours, [*HOUR_COLUMNS, *contract.key], rows=_ROWS_AT_ONCE):
        both = key_prints(contract, frame, held=HOUR_START).join(keys, on="print")
        found.update(both.filter(pl.col("held") != pl.col("placed"))["held"].unique())
    return frozenset(found)
