"""What a key takes from what is published: of rows of an hour that share it, only one stays.

And whether it is one at all: across hours nothing is dropped, and verification finds it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import counted
from chimera_assets.hour_columns import HOUR_TYPES, hour_starts
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.contract_fit import retyped_columns, table_key
from chimera_assets.layers import STAGED
from chimera_assets.quality.duplicates import fingerprint
from chimera_assets.quality.migration.conversion import completed, converted
from chimera_assets.reconciliation.recount import Recount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake

#: Rows read at a time; of each 8 bytes are kept until its day is done.
_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class KeyLoss:
    """Published rows that go by a key.

    Attributes:
        key: The key.
        repeated: Rows in the place of which another one of their hour stays.
        without: Rows that lack a value of it, which are rejected.
        published: Rows that are published.
    """

    key: tuple[str, ...]
    repeated: int
    without: int
    published: int

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.repeated or self.without)

    def in_words(self) -> str:
        """How many of how many, and why."""
        all_rows = counted(self.published, "published row")
        return (
            f"{self.repeated + self.without:,} of {all_rows} would go by the key "
            f"{', '.join(self.key)} ({self.repeated:,} have that of another row of their hour, "
            f"{self.without:,} have none)"
        )


def key_loss(lake: Lake, contract: Contract) -> KeyLoss:
    """What the contract's key takes from what is published; nothing if it is as it was.

    Rows are told apart by 64 bits each, so that any number of them can be.
    """
    staged, key = lake.table(STAGED, contract.stream), contract.key
    published = staged.count() if staged.exists() else 0
    retyped = {one.name for one in retyped_columns(staged, contract)} if published else set()
    if not published or (
        table_key(lake, contract.stream) in {None, key} and retyped.isdisjoint(key)
    ):
        return KeyLoss(key, 0, 0, published)
    repeated = without = 0
    for _, some in groupby(
        sorted(hour_starts(staged.rows_by_hour())), key=lambda hour: hour.date()
    ):
        day = [_of_frames(lake, contract, each) for each in ranges(some)]
        repeated += sum(one for one, _ in day)
        without += sum(one for _, one in day)
    return KeyLoss(key, repeated, without, published)


def hours_that_share_keys(lake: Lake, contract: Contract) -> int:
    """In how many hours rows have a key that is in other hours, too."""
    staged = lake.table(STAGED, contract.stream)
    if not staged.exists():
        return 0
    there = ranges(hour_starts(staged.rows_by_hour()))
    found = Recount(contract, staged, there).repeated_keys()
    return found.filter(pl.col("elsewhere").list.len() > 0).height


def _of_frames(lake: Lake, contract: Contract, hours: HourRange) -> tuple[int, int]:
    """Of some hours: rows that repeat a key, rows that have none."""
    staged = lake.table(STAGED, contract.stream)
    there: Sequence[str] = [name for name in contract.key if name in staged.schema().names]
    retyped = [one for one in retyped_columns(staged, contract) if one.name in there]
    kinds = pl.Schema(HOUR_TYPES | {n: contract.polars_schema()[n] for n in contract.key})
    prints, without = [pl.Series(dtype=pl.UInt64)], 0
    for frame in staged.batches(hours, [*HOUR_COLUMNS, *there], rows=_ROWS):
        keys = completed(converted(frame, retyped), kinds)
        whole = keys.drop_nulls(list(contract.key))
        without += keys.height - whole.height
        prints.append(whole.select(fingerprint(contract)).to_series())
    all_prints = pl.concat(prints)
    return len(all_prints) - all_prints.n_unique(), without
