"""Staged rows of hours that are not judged again, without duplicates by a new key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.quality import duplicates
from chimera_assets.system_tables.batches import append_batches, last_published

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


def kept_without_duplicates(
    lake: Lake, beside: Lake, contract: Contract, rows: pl.DataFrame, hour: HourRange
) -> pl.DataFrame:
    """The latest arrival of each key; that there are fewer now is kept in the counts of the hour.

    Args:
        lake: The lake, with the counts as they are.
        beside: Where they are kept.
        contract: With the new key.
        rows: The staged rows of an hour, in the contract's columns.
        hour: The hour.
    """
    kept = duplicates.latest(contract, rows)
    gone = rows.height - kept.height
    if gone:
        published = last_published(lake, contract.stream, hour)
        # It follows upon the judgement that published the rows, and no other.
        counts = published.with_columns(
            pl.col("staged") - gone,
            pl.col("duplicates") + gone,
            pl.col("judged_at") + timedelta(microseconds=1),
        )
        append_batches(beside, counts)
    return kept
