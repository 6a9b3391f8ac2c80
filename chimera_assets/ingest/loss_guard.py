"""The loss guard: no sensor extracts an hour again of which the source has lost most rows.

A source that deletes old rows would otherwise, by one late row, empty an hour of the lake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import in_short
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HourRange, partition_key
from chimera_assets.layers import LANDING, RAW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.files_only import FilesOnly
    from chimera_assets.lake import Lake, Table
    from chimera_assets.sources.source_state import SourceNow

#: The share of an hour's rows that may be gone.
_MAY_BE_GONE = 0.5

_KEYS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Shrunk:
    """An hour that would lose rows if it were extracted again."""

    hour: datetime
    rows: int
    left: int

    def __str__(self) -> str:
        """The loss in words."""
        return f"{partition_key(self.hour)} ({self.left:,} of {self.rows:,} rows left)"


def held_back(stream: str, hours: list[Shrunk]) -> str:
    """Why hours are not extracted again automatically, and what to do."""
    return (
        f"{stream}: the source no longer has most rows of {in_short(hours)}; not extracted again, "
        f"so that they stay in the lake; `chimera backfill` extracts hours as the source has them"
    )


def shrunk(
    lake: Lake, contract: Contract, source: SourceNow | FilesOnly, hours: HourRange
) -> list[Shrunk]:
    """The hours of which the source has lost more rows than may be lost without asking.

    A source that deletes old rows would otherwise, by one late row, empty an hour of the lake. Rows
    that are in another hour now are not lost.
    """
    before = rows_of(lake.table(RAW, contract.stream), hours)
    files = rows_of(lake.table(LANDING, contract.stream), hours)
    if not before:
        return []
    found: list[Shrunk] = []
    for hour, left in source.rows_by_hour(hours).items():
        own = max(0, before.get(hour, 0) - files.get(hour, 0))
        if own - left <= own * _MAY_BE_GONE:
            continue
        raw, single = lake.table(RAW, contract.stream), HourRange.single(hour)
        keys = raw.batches(single, list(contract.key), rows=_KEYS_AT_ONCE)
        there = still_there(source, keys)
        if own - there > own * _MAY_BE_GONE:
            found.append(Shrunk(hour, own, there))
    return found


def still_there(source: SourceNow | FilesOnly, keys: Iterable[pl.DataFrame]) -> int:
    """How many of some keys the source has, in whatever hour.

    Args:
        source: The source as it is now.
        keys: The key columns, in frames that are asked for one after the other.
    """
    texts = (frame.select(pl.all().cast(pl.String)).to_dicts() for frame in keys)
    return sum(source.count_keys(json.dumps(each, ensure_ascii=False)) for each in texts)


def rows_of(table: Table, hours: HourRange) -> dict[datetime, int]:
    """The rows that a table has of some hours, from its log; none if there is no such table."""
    if not table.exists():
        return {}
    counted = table.rows_by_hour(hours).select(HOUR_START, "rows")
    return dict(counted.iter_rows())
