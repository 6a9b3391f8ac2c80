"""Staged rows of hours that keep them: without duplicates by a new key; what they are like now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.layers import STAGED
from chimera_assets.quality import duplicates
from chimera_assets.quality.column_profiles import ColumnProfiles
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.system_tables.batches import append_batches, last_published
from chimera_assets.system_tables.column_profiles import append_column_profiles

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake
    from chimera_assets.run_context import RunContext


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


def profile_kept(beside: RunContext, contract: Contract, hours: HourRange) -> None:
    """Keep what the staged rows of some hours are like in their new types.

    Args:
        beside: With the lake in which the rows are kept; later than their last judgement.
        contract: The contract.
        hours: The hours.
    """
    profiles = ColumnProfiles(contract)
    for frame in beside.lake.table(STAGED, contract.stream).batches(hours, rows=FRAME_ROWS):
        profiles.add(frame)
    rows = profiles.rows(beside.run_id, beside.now)
    if not rows.is_empty():
        append_column_profiles(beside.lake, rows)
