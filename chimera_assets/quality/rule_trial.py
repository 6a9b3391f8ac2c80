"""A changed contract, tried on rows of the past: what would it reject that passes today?

Nothing is kept of it. Raw has the rows as they were received, so they are judged twice, by the
contract that runs and by the one that is tried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ArgumentError
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.layers import RAW
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.judge import Judge
from chimera_assets.quality.known_values import known_values

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


@dataclass(slots=True)
class Verdicts:
    """What one contract says of rows.

    Attributes:
        contract: The contract.
        rejected: Rows that break a rule of severity `error`, by hour.
        broken: Rule -> rows that break it, of either severity.
    """

    contract: Contract
    rejected: Counter[datetime] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)

    def blocked(self, rows: Counter[datetime]) -> set[datetime]:
        """The hours of which too few rows pass."""
        least = self.contract.pass_rate
        return {
            hour for hour, all_rows in rows.items() if 1 - self.rejected[hour] / all_rows < least
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """Both contracts' verdicts on the same rows.

    Attributes:
        rows: How many rows each hour has.
        today: What the contract that runs says; None if there is none for the stream.
        tried: What the one that is tried says.
    """

    rows: Counter[datetime]
    today: Verdicts | None
    tried: Verdicts


def try_contract(lake: Lake, tried: Contract, today: Contract | None, hours: HourRange) -> Trial:
    """Judge the raw rows of some hours by both contracts.

    Args:
        lake: The lake.
        tried: The changed contract.
        today: The contract that runs.
        hours: The hours.

    Raises:
        ArgumentError: Raw has none of the stream, or has a column in another type.
        ChimeraError: A reference table that a rule compares with is not there yet.
    """
    raw = lake.table(RAW, tried.stream)
    if not raw.exists():
        msg = f"{tried.stream}: expected rows of the past to try it on, found no table {raw.uri}"
        raise ArgumentError(msg)
    judges = [
        (Judge(one, known_values(lake, one)), Verdicts(one))
        for one in (tried, today)
        if one is not None
    ]
    rows: Counter[datetime] = Counter()
    for frame in raw.batches(hours, rows=FRAME_ROWS):
        rows.update(_by_hour(frame))
        for judge, verdicts in judges:
            fitting = _fitting(frame, judge.contract)
            explained = judge.explain(judge.screen(fitting).suspects)
            verdicts.rejected.update(_by_hour(explained.rejected))
            found = explained.broken.group_by("rule").agg(pl.col("failed").sum())
            verdicts.broken.update(dict(found.iter_rows()))
    return Trial(rows, judges[1][1] if today is not None else None, judges[0][1])


def _by_hour(rows: pl.DataFrame) -> dict[datetime, int]:
    counted = rows.group_by(HOUR_START.alias("start")).agg(pl.len())
    return dict(counted.iter_rows())


def _fitting(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The rows with the contract's columns; those that raw has not are null, as from the source."""
    missing = []
    for column in contract.columns:
        if column.name not in frame.columns:
            missing.append(pl.lit(None, column.polars_type).alias(column.name))
        elif frame.schema[column.name] != column.polars_type:
            msg = (
                f"column {column.name} of {contract.stream}: expected {column.type_in_words}, "
                f"found {frame.schema[column.name]} in raw; a changed type cannot be tried on rows"
            )
            raise ArgumentError(msg)
    return frame.with_columns(missing)
