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
from chimera_assets.quality.migration.key_losses import hours_that_share_keys
from chimera_assets.system_tables.batches import hour_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.quality.migration.differences import Retyped
    from chimera_assets.quality.migration.key_losses import KeyLoss


class PublishedLost(ChimeraError):  # noqa: N818
    """A migration would take values, or hours, from what is published.

    Args:
        contract: The contract.
        lost: The columns of the staged rows with values that are none of their new type.
        by_key: What the contract's key takes.
        blocked: The hours that are published and would be blocked.
    """

    def __init__(
        self,
        contract: Contract,
        lost: Sequence[Retyped],
        by_key: KeyLoss,
        blocked: Sequence[str] = (),
    ) -> None:
        told = [in_words(one) for one in lost]
        wanted = ["a wider type"] if lost or blocked else []
        if by_key:
            told.append(by_key.in_words())
            wanted.append("a key that no two rows share")
        if blocked:
            told.append(f"{counted(len(blocked), 'hour')} would be blocked: {in_short(blocked)}")
        super().__init__(
            f"{contract.stream}: expected all that is published to stay, found {'; '.join(told)}; "
            f"the tables are as they were. Give {contract.path} {' and '.join(wanted)}, or add "
            "--lose-values to rewrite them all the same"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stream is like after its migration.

    Attributes:
        rejected: Rows in quarantine.
        duplicates: Rows of which another one of their hour has the key, and stays.
        blocked: Hours that were blocked.
        published: Rows that are published.
        nulls: How many of them have no value, by column.
        sharing: Hours in which rows have a key of other hours, too; 0 if the key is no new one.
    """

    rejected: int
    duplicates: int
    blocked: int
    published: int
    nulls: dict[str, int]
    sharing: int = 0


def outcome(
    lake: Lake, beside: Lake, contract: Contract, columns: Iterable[str], *, new_key: bool = False
) -> Outcome:
    """What has become of a stream.

    Args:
        lake: The lake, with the new tables.
        beside: Where they were made, with what was found of the hours.
        contract: The stream's contract.
        columns: The columns whose nulls are counted.
        new_key: Whether the key is another one than before.
    """
    stream = contract.stream
    found, staged = hour_history(beside, stream), lake.table(STAGED, stream)
    nulls = dict.fromkeys(columns, 0)
    if nulls:
        for frame in staged.batches(columns=list(nulls), rows=FRAME_ROWS):
            for name in nulls:
                nulls[name] += frame[name].null_count()
    blocked = found.filter(~pl.col("published")).height
    published = staged.count() if staged.exists() else 0
    rejected, duplicates = (int(found[name].sum()) for name in ("rejected", "duplicates"))
    sharing = hours_that_share_keys(lake, contract) if new_key else 0
    return Outcome(rejected, duplicates, blocked, published, nulls, sharing)


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
