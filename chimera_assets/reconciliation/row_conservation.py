"""Row conservation: every extracted row is staged, quarantined or a counted duplicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.reconciliation.row_balance import layers, row_balance

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class RowConservation:
    """The rows of some hours, counted in the tables themselves.

    Attributes:
        hours: A row an hour, of the row balance; facts is null where the stream has no fact
            table.
        lost: The published hours in which the counts do not add up.
    """

    hours: pl.DataFrame
    lost: pl.DataFrame


def row_conservation(lake: Lake, contract: Contract, hours: HourRange) -> RowConservation:
    """Count each hour in every layer: raw = staged + quarantined + duplicates, staged = facts.

    Blocked hours are left out of `lost`: their staged rows are those published before. So are
    layers from which retention has deleted the hour since; rows that were purged from quarantine
    count as if they were there.
    """
    counted = row_balance(lake, contract, hours).filter(pl.col("extracted").is_not_null())
    if not layers(lake, contract)["facts"].exists():
        counted = counted.with_columns(facts=pl.lit(None, dtype=pl.Int64))
    kept = pl.col("staged") + pl.col("quarantined") + pl.col("purged") + pl.col("duplicates")
    expired = pl.col("raw_expired") | pl.col("staged_expired")
    whole = ((pl.col("raw") == kept) | expired) & (
        pl.col("facts").is_null()
        | (pl.col("facts") == pl.col("staged"))
        | pl.col("staged_expired")
        | pl.col("facts_expired")
    )
    return RowConservation(counted, counted.filter(pl.col("published") & ~whole))
