"""The rows themselves, recounted: where they lie, whose batch they are of, which keys they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_KEY, HOUR_START, HOUR_TYPES, hour_starts
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake import TableDamaged
from chimera_assets.reconciliation.findings import name_of
from chimera_assets.reconciliation.repeated_numbers import repeated
from chimera_assets.sources.placement import placed_polars
from chimera_assets.spool import spool_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Table
    from chimera_assets.reconciliation.findings import Findings

#: Rows hashed at a time.
_ROWS = 500_000


class Recount:
    """The rows of a stream in one table, read from its files in bounded memory.

    Args:
        contract: The stream's contract.
        table: One of its tables.
        ranges: The hours to read, which leave out those whose files are damaged.
    """

    def __init__(self, contract: Contract, table: Table, ranges: Sequence[HourRange]) -> None:
        self._contract, self._table, self._ranges = contract, table, ranges

    def hours(self) -> pl.DataFrame:
        """A row an hour: the hour columns, rows, misplaced, first_batch, last_batch."""
        times = {self._contract.event_time, self._contract.arrival_time}  # may be the same
        rows = self._read([*HOUR_COLUMNS, "_batch_id", *filter(None, times)])
        batch = pl.col("_batch_id")
        by_hour = rows.group_by(*HOUR_COLUMNS).agg(
            rows=pl.len().cast(pl.Int64),
            misplaced=self._misplaced().sum().cast(pl.Int64),
            first_batch=batch.min(),
            last_batch=batch.max(),
        )
        return by_hour.collect(engine="streaming").sort(HOUR_COLUMNS)

    def repeated_keys(self) -> pl.DataFrame:
        """The keys that are there more than once.

        Returns:
            A row an hour with such keys: the hour columns; rows: how many rows have one; elsewhere:
            the hours, as partition keys, that have the same keys, at most five.
        """
        with spool_folder("keys") as folder:
            suspects = repeated(self._fingerprints(), folder)
        if suspects.is_empty():
            return pl.DataFrame(
                schema={**HOUR_TYPES, "rows": pl.Int64(), "elsewhere": pl.List(pl.String)}
            )
        key = list(self._contract.key)
        rows = self._read([*HOUR_COLUMNS, *key])
        doubles = rows.filter(self._fingerprint().is_in(suspects.implode()))
        found = doubles.with_columns(_hour=HOUR_KEY).collect(engine="streaming")
        # The fingerprints of different keys may be the same by chance.
        shared = found.group_by(key).agg(n=pl.len(), _hours=pl.col("_hour").unique())
        twice = found.join(shared.filter(pl.col("n") > 1), on=key, nulls_equal=True)
        return (
            twice.with_columns(_same=pl.col("_hours").list.set_difference(pl.concat_list("_hour")))
            .group_by(*HOUR_COLUMNS)
            .agg(
                rows=pl.len().cast(pl.Int64),
                elsewhere=pl.col("_same").explode().drop_nulls().unique().sort().head(5),
            )
            .sort(HOUR_COLUMNS)
        )

    def _fingerprint(self) -> pl.Expr:
        return pl.struct(*self._contract.key).hash(seed=0)

    def _fingerprints(self) -> Iterator[pl.Series]:
        prints = self._read(list(self._contract.key)).select(self._fingerprint().alias("print"))
        for frame in prints.collect_batches(chunk_size=_ROWS, maintain_order=False, lazy=True):
            yield frame["print"]

    def _misplaced(self) -> pl.Expr:
        """Whether a row is under another hour than the one that extraction places it in."""
        event, arrival = self._contract.event_time, self._contract.arrival_time
        if event is None:
            return pl.lit(value=False)
        placed = placed_polars(pl.col(event), pl.col(arrival) if arrival is not None else None)
        end = HOUR_START + pl.duration(hours=1)
        here = placed.is_between(HOUR_START, end, closed="left")
        return ~here.fill_null(value=False)  # a row of no time is in no hour

    def _read(self, columns: Sequence[str]) -> pl.LazyFrame:
        frames = [self._table.read(hours, columns) for hours in self._ranges]
        return pl.concat(frames) if frames else self._table.read(columns=columns).head(0)


#: What reading a table raises where a data file is missing, cut or changed.
UNREADABLE = (TableDamaged, pl.exceptions.PolarsError, OSError)


def note_unreadable(table: Table, findings: Findings) -> bool:
    """Note the hours with a file that cannot be read, by reading each, which is slow.

    Gives whether there are any that were not known before.
    """
    known = findings.damaged.setdefault(name_of(table), set())
    hours = [hour for hour in hour_starts(table.rows_by_hour(findings.hours)) if hour not in known]
    found = [hour for hour in map(HourRange.single, hours) if not _is_readable(table, hour)]
    for hour in found:
        known.add(hour.start)
        findings.fail("files", table, str(hour), "files that can be read", "a file that cannot")
    return bool(found)


def _is_readable(table: Table, hour: HourRange) -> bool:
    try:
        table.read(hour).collect(engine="streaming")
    except UNREADABLE:
        return False
    return True
