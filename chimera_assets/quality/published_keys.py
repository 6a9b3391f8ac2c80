"""Which rejected rows have a valid row of their key beside them, such as one that mended them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import HOUR_COLUMNS, ONE_HOUR, HourRange
from chimera_assets.layers import STAGED
from chimera_assets.quality.judge import row_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake

_OF_A_ROW = ["stream", *HOUR_COLUMNS, "row_key"]


def with_key_published(
    lake: Lake, contracts: Mapping[str, Contract], rows: pl.DataFrame
) -> pl.DataFrame:
    """Rejected rows with `key_published`: whether a row of their key is published in their hour.

    Args:
        lake: The lake.
        contracts: Stream -> contract; of a stream that has none any more nothing is known.
        rows: Rows of a quarantine, in the order in which they come back.
    """
    asked = rows.select(_OF_A_ROW).unique().partition_by("stream", as_dict=True)
    found = [
        _published(lake, contracts[stream], part)
        for (stream,), part in asked.items()
        if stream in contracts
    ]
    there = pl.concat([rows.select(_OF_A_ROW).clear(), *found]).with_columns(key_published=True)
    known = pl.col("stream").is_in(list(contracts))
    return rows.join(there, on=_OF_A_ROW, how="left", maintain_order="left").with_columns(
        pl.when(known).then(pl.col("key_published").is_not_null()).alias("key_published")
    )


def _published(lake: Lake, contract: Contract, asked: pl.DataFrame) -> pl.DataFrame:
    """Those of a stream's keys that are published; of a reference table in no hour, but now."""
    table = lake.table(STAGED, contract.stream)
    if not table.exists() or not set(contract.key) <= set(table.schema().names):
        return asked.clear()
    at = HOUR_COLUMNS if contract.kind == "stream" else ()
    starts = hour_starts(asked)
    hours = HourRange(min(starts), max(starts) + ONE_HOUR) if at else None
    keys = table.read(hours, [*at, *contract.key]).select(*at, row_key=row_key(contract))
    wanted = pl.col("row_key").is_in(asked["row_key"].drop_nulls().implode())
    return asked.join(keys.filter(wanted).collect(), on=[*at, "row_key"], how="semi")
