"""A stream's tables made anew beside the old ones, a day at a time.

Hours whose raw rows are all there are judged again, as in any run. Of the others, what is staged is
kept in the new types: of hours that retention has taken raw rows from, and of those that turn out
to be blocked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import DAY_COLUMN, HourRange
from chimera_assets.ingest.contract_fit import retyped_columns, table_key
from chimera_assets.lake.commit import append_carry
from chimera_assets.lake.replacement import replace_rows
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.lake.stream import Replay
from chimera_assets.layers import LANDING, QUARANTINE, RAW, STAGED
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.migration.conversion import completed, converted
from chimera_assets.quality.migration.earlier_results import forget_results
from chimera_assets.quality.migration.former_rejects import renewed_rejects
from chimera_assets.quality.migration.kept_rows import kept_without_duplicates, profile_kept
from chimera_assets.quality.quarantine import arrow_schema
from chimera_assets.quality.staging import stage_hours
from chimera_assets.reconciliation.row_balance import row_balance
from chimera_assets.system_tables.batches import last_judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.quality.migration.beside import Beside, Hour
    from chimera_assets.run_context import RunContext

#: The layers whose tables are made anew if a column of theirs is retyped; the others always are.
_AS_RECEIVED = (LANDING, RAW)
_JUDGED = (STAGED, QUARANTINE)

PART = "stream"


def rebuilt_layers(lake: Lake, contract: Contract) -> tuple[str, ...]:
    """The layers whose table of the stream is made anew, in the order in which they are taken over.

    Raw is first, or what is staged: from then on the others only follow.
    """
    there = {
        layer: lake.table(layer, contract.stream)
        for layer in (RAW, STAGED, QUARANTINE, LANDING)
        if lake.table(layer, contract.stream).exists()
    }
    return tuple(
        layer
        for layer, table in there.items()
        if layer in _JUDGED or retyped_columns(table, contract)
    )


class Rebuild:
    """Makes a stream's tables anew.

    Args:
        context: When, and as which run; with the lake.
        contract: The contract they are made by.
        beside: Where.
    """

    def __init__(self, context: RunContext, contract: Contract, beside: Beside) -> None:
        self._context, self._contract, self._beside = context, contract, beside
        self._layers = beside.layers
        self._new_key = table_key(context.lake, contract.stream) not in {None, contract.key}
        self._sources = [
            context.lake.table(layer, contract.stream)
            for layer in (LANDING, RAW, STAGED, QUARANTINE)
        ]
        for layer in beside.layers:
            beside.table(layer, contract.stream).create(self._schema(layer))

    def run(self, on_hours: Callable[[int], None]) -> None:
        """Make every hour that is not made yet of the files that there are now.

        Args:
            on_hours: Told of how many hours were made, day by day.
        """
        while pending := self._beside.pending(PART, self._sources):
            whole = self._whole_hours()
            for part in _parts(pending):
                hours = {hour for hour in part if hour is not None}
                forget_results(self._beside, ranges(hours))
                if None in part:
                    self._unplaced()
                for some in ranges(hours & whole):
                    self._as_received(some)
                    self._judged(some)
                for some in ranges(hours - whole):
                    self._as_received(some)
                    self._kept(some)
                self._beside.note(PART, part)
                on_hours(len(part))

    def require_unchanged(self) -> None:
        """Make sure that all is made of the files that there are now.

        Raises:
            HoursChanged: Some hours were written since.
        """
        self._beside.require_made(PART, self._sources)

    def _schema(self, layer: str) -> pa.Schema:
        """The old table's columns, in the contract's types, and those that it lacks."""
        old = self._context.lake.table(layer, self._contract.stream).schema()
        if layer == QUARANTINE:
            return old
        wanted = self._contract.arrow_schema()
        kept = [wanted.field(one.name) if one.name in wanted.names else one for one in old]
        return pa.schema([*kept, *(one for one in wanted if one.name not in old.names)])

    def _whole_hours(self) -> set[datetime]:
        """The hours that were judged, and of whose raw rows none are gone since."""
        balance = row_balance(self._context.lake, self._contract)
        same = (pl.col("raw") == pl.col("extracted")) & (pl.col("raw") > 0)
        return set(hour_starts(balance.filter(same & ~pl.col("raw_expired"))))

    def _as_received(self, hours: HourRange) -> None:
        for layer in _AS_RECEIVED:
            if layer in self._layers:
                self._written(layer, hours)

    def _written(self, layer: str, hours: HourRange) -> None:
        table = self._beside.table(layer, self._contract.stream)
        schema = table.schema()
        rows = partial(self._batches, layer, hours, schema)
        table.write_hours(Replay(schema, rows), hours)

    def _batches(self, layer: str, hours: HourRange, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for frame in self._frames(layer, hours):
            yield from frame.to_arrow().cast(schema).to_batches()

    def _frames(self, layer: str, hours: HourRange) -> Iterator[pl.DataFrame]:
        """The old table's rows of some hours, in the contract's types."""
        old = self._context.lake.table(layer, self._contract.stream)
        columns = retyped_columns(old, self._contract)
        made = polars_schema(self._beside.table(layer, self._contract.stream).delta())
        for frame in old.batches(hours, rows=FRAME_ROWS):
            yield completed(converted(frame, columns), made)

    def _unplaced(self) -> None:
        """Make the rows of no hour anew: the log of files in the landing table."""
        if LANDING not in self._layers:
            return
        old = self._context.lake.table(LANDING, self._contract.stream)
        table = self._beside.table(LANDING, self._contract.stream)
        rows = old.read().filter(pl.col(DAY_COLUMN).is_null()).collect()
        made = completed(
            converted(rows, retyped_columns(old, self._contract)), polars_schema(table.delta())
        )
        schema = table.schema()
        replace_rows(
            table,
            (),
            pl.lit(value=False),
            Replay(schema, lambda: iter(made.to_arrow().cast(schema).to_batches())),
            metadata={},
            carry=append_carry,
        )

    def _judged(self, hours: HourRange) -> None:
        lake, contract = self._context.lake, self._contract
        former = renewed_rejects(lake, contract, hours)
        rejects = self._beside.table(QUARANTINE, contract.stream)
        rejects.write_hours(former, hours, schema=arrow_schema())
        staging = stage_hours(self._beside_after(hours), contract, hours)
        for some in ranges(hour_starts(staging.blocked)):
            self._staged(some)

    def _beside_after(self, hours: HourRange) -> RunContext:
        """The context with the lake beside, later than these hours were judged last."""
        last = last_judged(self._context.lake, self._contract.stream, hours)
        now = self._context.now if last is None else max(self._context.now, last + _MOMENT)
        return replace(self._context, lake=self._beside, now=now)

    def _kept(self, hours: HourRange) -> None:
        self._staged(hours)
        if QUARANTINE in self._layers:
            old = self._context.lake.table(QUARANTINE, self._contract.stream)
            rows = Replay(arrow_schema(), partial(self._batches, QUARANTINE, hours, arrow_schema()))
            self._beside.table(QUARANTINE, old.name).write_hours(rows, hours)

    def _staged(self, hours: HourRange) -> None:
        """Keep what is staged, in the contract's types; of a new key the latest rows alone."""
        if STAGED not in self._layers:
            return
        if self._new_key:
            self._staged_by_key(hours)
        else:
            self._written(STAGED, hours)
        profile_kept(self._beside_after(hours), self._contract, hours)

    def _staged_by_key(self, hours: HourRange) -> None:
        lake, contract = self._context.lake, self._contract
        table = self._beside.table(STAGED, contract.stream)
        empty = pl.DataFrame(schema=polars_schema(table.delta()))
        for single in map(HourRange.single, hours):
            rows = pl.concat([empty, *self._frames(STAGED, single)])
            kept = kept_without_duplicates(lake, self._beside, contract, rows, single)
            table.write_hours(kept, single)


#: One judgement of an hour is later than the other by so much at least.
_MOMENT = timedelta(microseconds=1)


def _parts(pending: dict[Hour, str]) -> Iterator[dict[Hour, str]]:
    """The hours of a day at a time, those of none first."""
    ordered = sorted(pending, key=lambda hour: (hour is not None, hour))
    for _, some in groupby(ordered, key=lambda hour: hour.date() if hour is not None else None):
        yield {hour: pending[hour] for hour in some}
