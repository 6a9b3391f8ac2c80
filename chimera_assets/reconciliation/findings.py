"""What a verification finds: which promise is broken, of which table and hour, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, partition_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

#: The promises that are recounted, in the order they are told.
PROMISES = {
    "files": "every data file that a table's log names is there, whole and readable",
    "conservation": "raw = staged + quarantined + purged + duplicates",
    "facts": "staged = facts",
    "keys": "no key is there twice, neither in an hour nor across hours",
    "placement": "every row lies in the hour of its event",
    "batches": "every row came with a batch that was accounted for",
    "aggregates": "aggregates are what the facts give",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A promise that does not hold for a table in an hour.

    Attributes:
        promise: A key of `PROMISES`.
        table: The table, `layer/name`.
        hour: The hour's partition key; None for a table without hours.
        expected: What would be right, in words.
        found: What is there, in words; never a value of a row.
    """

    promise: str
    table: str
    hour: str | None
    expected: str
    found: str


def hour_key(row: Mapping[str, date | int | None]) -> str:
    """The partition key of a row with the two hour columns."""
    return f"{row[DAY_COLUMN]}-{row[HOUR_COLUMN]:02}:00"


def key_of(moment: datetime) -> str:
    """The partition key of an hour."""
    return partition_key(moment)


def rows_in_words(count: int | None) -> str:
    """`1,234 rows`, `1 row`, `no rows`."""
    if not count:
        return "no rows"
    return f"{count:,} row" + ("" if count == 1 else "s")
