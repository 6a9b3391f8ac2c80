"""The pass over the raw rows of some hours: judged in frames, and published in one commit or not.

Valid rows stream into the commit that replaces the staged hours. It is only made if, at the end of
the stream, every hour in it passed its gate. If one did not, the pass is made again with that
hour's published rows in its place.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.contract_fit import note_key
from chimera_assets.lake.bounded import MOST_BYTES, bounded_frames
from chimera_assets.lake.stream import Replay
from chimera_assets.layers import RAW, STAGED
from chimera_assets.quality import duplicates, quarantine
from chimera_assets.quality.batch_counts import BatchCounts
from chimera_assets.quality.column_profiles import ColumnProfiles
from chimera_assets.quality.judge import Judge
from chimera_assets.quality.known_values import known_values
from chimera_assets.quality.repeated import Repeated
from chimera_assets.quality.staged_schema import staged_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Commit, Table
    from chimera_assets.run_context import RunContext

#: Rows judged at a time; bounds the memory of a step.
FRAME_ROWS = 65_536

#: Rows that broke rules are explained this many at a time, if they are narrow: Pandera costs by the
#: call, not by row.
SUSPECT_ROWS = 100_000

_REJECTED, _REPEATED = "rejected", "repeated"


@dataclass(frozen=True, slots=True)
class Judging:
    """What is judged, and as part of what.

    Attributes:
        context: With the layer `raw` in its lake; its run and time are kept with the results.
        contract: The stream's contract.
        hours: The hours; each is judged on its own.
        replay: Whether raw rows that were judged before are judged again on demand.
    """

    context: RunContext
    contract: Contract
    hours: HourRange
    replay: bool = False


class _HoursBlocked(Exception):  # noqa: N818 - a signal between two lines of this file
    """Ends the stream, and with it the commit, because an hour in it did not pass its gate."""


class HourPass:
    """One pass over the raw rows of some hours, or two if an hour turns out to be blocked.

    Args:
        judging: What is judged, and as part of what.
        spool: An empty folder, for rows that are put by.

    Attributes:
        batches: After the pass, a row an hour, as kept in `quality/batches`.
        check_results: Likewise a row an hour and rule, as kept in `quality/check_results`.
        column_profiles: A row a published hour and column, of `quality/column_profiles`.
    """

    batches: pl.DataFrame
    check_results: pl.DataFrame
    column_profiles: pl.DataFrame

    def __init__(self, judging: Judging, spool: Path) -> None:
        lake, contract = judging.context.lake, judging.contract
        self._context, self._replay = judging.context, judging.replay
        self._contract, self._hours = contract, judging.hours
        self._raw = lake.table(RAW, contract.stream)
        self._staged = lake.table(STAGED, contract.stream)
        self._judge = Judge(contract, known_values(lake, contract))
        self._seen = quarantine.seen_before(lake, contract.stream, judging.hours)
        self._suspected = duplicates.suspected(contract, self._raw, judging.hours)
        self._blocked = pl.DataFrame(schema=HOUR_TYPES)
        self._spool = spool

    def publish(self) -> Commit | None:
        """Replace the staged hours that pass; None if none does."""
        own = schema = staged_schema(self._contract)
        note_key(self._staged, self._contract, own)
        while True:
            if (blocked_before := self._blocked.height) and self._staged.exists():
                schema = _with_columns_of(self._staged, own)
            rows = Replay(schema, partial(self._published, own.names, schema))
            try:
                return self._staged.write_hours(
                    rows,
                    self._hours,
                    schema=schema,
                    metadata={"run": self._context.run_id, "contract": self._contract.version},
                )
            except Exception:
                # Arrow may have flattened our signal into an error of its own.
                if self._blocked.height == blocked_before:
                    raise
            if self._blocked.height == len(self._hours):
                return None

    def rejected(self) -> Replay | None:
        """The quarantine rows of the last pass; None if there are none."""
        parts = sorted((self._spool / _REJECTED).iterdir())

        def batches() -> Iterator[pa.RecordBatch]:
            for part in parts:
                for frame in bounded_frames(pl.read_ipc(part)):
                    yield from frame.to_arrow().to_batches()

        return Replay(quarantine.arrow_schema(), batches) if parts else None

    def _kept(self, schema: pa.Schema) -> Iterator[pl.DataFrame]:
        """What is published of the blocked hours, to be left as it is."""
        if self._blocked.is_empty() or not self._staged.exists():
            return
        there = set(self._staged.schema().names)  # what is new in the contract is not yet
        columns = [name for name in schema.names if name in there]
        for frame in self._staged.batches(self._hours, columns, rows=FRAME_ROWS):
            yield frame.join(self._blocked, on=HOUR_COLUMNS, how="semi", maintain_order="left")

    def _published(self, own: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows to publish, and at their end the gate."""
        for frame in self._judged():
            fine = frame.join(self._blocked, on=HOUR_COLUMNS, how="anti", maintain_order="left")
            yield from _batches(fine.select(own), schema)
        for frame in self._kept(schema):
            yield from _batches(frame, schema)
        blocked = self.batches.filter(~pl.col("published")).select(HOUR_COLUMNS)
        if blocked.height > self._blocked.height:
            self._blocked = blocked
            raise _HoursBlocked

    def _judged(self) -> Iterator[pl.DataFrame]:
        """The valid rows without duplicates; leaves the counts of every hour behind."""
        for folder in (self._spool / _REJECTED, self._spool / _REPEATED):
            shutil.rmtree(folder, ignore_errors=True)  # of a pass that found an hour blocked
            folder.mkdir()
        counts = BatchCounts(self._contract, self._hours)
        profiles = ColumnProfiles(self._contract)
        repeated = Repeated(self._contract, self._spool / _REPEATED)
        suspects: list[pl.DataFrame] = []
        for frame in _frames(self._raw, self._hours):
            screened = self._judge.screen(frame)
            counts.add_extracted(frame)
            suspects.append(screened.suspects)
            if not _together(suspects, SUSPECT_ROWS):
                self._explain(counts, suspects)
                suspects = []
            valid = screened.valid
            if not self._suspected.is_empty():
                prints = duplicates.fingerprint(self._contract)
                again = pl.Series(valid.select(prints.is_in(self._suspected.implode())))
                repeated.add(valid.filter(again))
                valid = valid.filter(~again)
            counts.add_valid(valid)
            profiles.add(valid)
            yield valid
        self._explain(counts, suspects)
        for rows in repeated.groups():
            kept = duplicates.latest(self._contract, rows)
            counts.add_duplicates(rows, kept)
            counts.add_valid(kept)
            profiles.add(kept)
            yield kept
        run_id, now = self._context.run_id, self._context.now
        self.batches, self.check_results = counts.settle(run_id, now)
        published = self.batches.filter("published")
        self.column_profiles = profiles.rows(run_id, now).join(
            published, on=HOUR_COLUMNS, how="semi", maintain_order="left"
        )

    def _explain(self, counts: BatchCounts, suspects: list[pl.DataFrame]) -> None:
        """Count the suspects, and spool the rejected ones for the quarantine."""
        if not suspects:
            return
        explained = self._judge.explain(pl.concat(suspects))
        counts.add_suspects(explained)
        if not explained.rejected.is_empty():
            rows = quarantine.quarantined(
                self._contract,
                explained.rejected,
                self._seen,
                self._context.now,
                replay=self._replay,
            )
            folder = self._spool / _REJECTED
            rows.write_ipc(folder / f"{len(list(folder.iterdir())):08d}.arrow")


def _frames(raw: Table, hours: HourRange) -> Iterator[pl.DataFrame]:
    """The raw rows in frames of about `FRAME_ROWS`: small hours together, large in parts."""
    waiting: list[pl.DataFrame] = []
    for frame in raw.batches(hours, rows=FRAME_ROWS):
        if waiting and not _together([*waiting, frame], FRAME_ROWS + 1):
            yield pl.concat(waiting)
            waiting = []
        waiting.append(frame)
    if waiting:
        yield pl.concat(waiting)


def _together(frames: list[pl.DataFrame], rows: int) -> bool:
    """Whether frames are fewer rows than these together, and few bytes."""
    size = sum(int(frame.estimated_size()) for frame in frames)
    return sum(frame.height for frame in frames) < rows and size < MOST_BYTES


def _with_columns_of(table: Table, schema: pa.Schema) -> pa.Schema:
    """The schema with what the table has beside it: what is kept keeps what the contract left."""
    return pa.schema([*schema, *(one for one in table.schema() if one.name not in schema.names)])


def _batches(frame: pl.DataFrame, schema: pa.Schema) -> list[pa.RecordBatch]:
    """The rows as batches of this schema, null in the columns that they lack."""
    lacking = [pl.lit(None).alias(name) for name in schema.names if name not in frame.columns]
    rows = frame.with_columns(lacking).select(schema.names)
    tables = (part.to_arrow().cast(schema) for part in bounded_frames(rows))
    return [batch for table in tables for batch in table.to_batches()]
