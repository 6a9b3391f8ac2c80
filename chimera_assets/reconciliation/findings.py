"""What a verification finds: which promise is broken, of which table and hour, and how."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, partition_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table

#: The promises that are recounted, in the order they are reported.
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


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What the gate of a stream holds back: hours whose newest extraction is not published.

    Attributes:
        stream: The stream.
        hours: How many hours.
        first: The partition key of the first of them.
        last: That of the last.
        good_rows: Rows that broke no rule, and are not published for the others' sake.
        rejected_rows: Rows that broke one, which are in quarantine.
    """

    stream: str
    hours: int
    first: str
    last: str
    good_rows: int
    rejected_rows: int


@dataclass(slots=True)
class Findings:
    """What a verification has found so far.

    Attributes:
        hours: The hours that are verified; None for all there are.
        failures: The broken promises.
        checked: Promise -> how many hours of tables (for `files`: tables) it was recounted for.
        damaged: Table -> its hours with a damaged file, of which nothing more is asked.
        expired: Table -> its hours from which retention has deleted rows.
        held_back: What gates hold back.
        unreadable: Tables whose log cannot be read.
        seen: Every hour of a stream that was looked at.
        rows: Rows that were read.
    """

    hours: HourRange | None
    failures: list[Failure] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    damaged: dict[str, set[datetime]] = field(default_factory=dict)
    expired: dict[str, set[datetime]] = field(default_factory=dict)
    held_back: list[HeldBack] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    seen: set[datetime] = field(default_factory=set)
    rows: int = 0

    def fail(self, promise: str, table: Table, hour: str | None, expected: str, found: str) -> None:
        """Note that a promise does not hold."""
        self.failures.append(Failure(promise, name_of(table), hour, expected, found))

    def sorted_failures(self) -> tuple[Failure, ...]:
        """The broken promises in the order of `PROMISES`, then of time."""
        order = list(PROMISES)
        return tuple(
            sorted(self.failures, key=lambda f: (order.index(f.promise), f.hour or "", f.table))
        )

    def intact(self, table: Table) -> list[HourRange]:
        """The hours that a table has, without those whose files are damaged."""
        damaged = self.damaged.get(name_of(table), set())
        present = hour_starts(table.rows_by_hour(self.hours))
        return ranges_without([hour for hour in present if hour not in damaged], damaged)


def name_of(table: Table) -> str:
    """`layer/name` of a table."""
    return f"{table.layer}/{table.name}"


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
