"""What a migration takes from what is published, and what has become of it at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ChimeraError, counted, in_short
from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import STAGED
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.system_tables.batches import hour_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.quality.migration.differences import Retyped


class PublishedLost(ChimeraError):  # noqa: N818
    """A migration would take values, or hours, from what is published.

    Args:
        contract: The contract.
        lost: The columns of the staged rows with values that are none of their new type.
        blocked: The hours that are published and would be blocked.
    """

    def __init__(
        self, contract: Contract, lost: Sequence[Retyped], blocked: Sequence[str] = ()
    ) -> None:
        told = [in_words(one) for one in lost]
        if blocked:
            told.append(f"{counted(len(blocked), 'hour')} would be blocked: {in_short(blocked)}")
        super().__init__(
            f"{contract.stream}: expected every published value to stay, found {'; '.join(told)}; "
            f"the tables are as they were. Give {contract.path} a wider type, or add --lose-values "
            "to rewrite them all the same"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stream is like after its migration.

    Attributes:
        rejected: Rows in quarantine.
        blocked: Hours that were blocked.
        published: Rows that are published.
        nulls: How many of them have no value, by column.
    """

    rejected: int
    blocked: int
    published: int
    nulls: dict[str, int]


def outcome(lake: Lake, beside: Lake, stream: str, columns: Iterable[str]) -> Outcome:
    """What has become of a stream.

    Args:
        lake: The lake, with the new tables.
        beside: Where they were made, with what was found of the hours.
        stream: The stream.
        columns: The columns whose nulls are counted.
    """
    found, staged = hour_history(beside, stream), lake.table(STAGED, stream)
    nulls = dict.fromkeys(columns, 0)
    if nulls:
        for frame in staged.batches(columns=list(nulls), rows=FRAME_ROWS):
            for name in nulls:
                nulls[name] += frame[name].null_count()
    blocked = found.filter(~pl.col("published")).height
    published = staged.count() if staged.exists() else 0
    return Outcome(int(found["rejected"].sum()), blocked, published, nulls)


def newly_blocked(lake: Lake, beside: Lake, stream: str) -> list[str]:
    """The hours that are published, and blocked by the judgement made beside; by their keys."""
    published = hour_history(lake, stream).filter("published")
    blocked = hour_history(beside, stream).filter(~pl.col("published"))
    both = blocked.join(published, on=HOUR_COLUMNS, how="semi").sort(HOUR_COLUMNS)
    return both.select(HOUR_KEY).to_series().to_list()


def in_words(one: Retyped) -> str:
    """How many values of a column a new type takes."""
    values = f"{one.lost:,} of {counted(one.values, 'value')}"
    return f"{values} of {one.table}.{one.column} are no {one.wanted}"
