"""The pass over the raw rows of some hours: judged in frames, and published in one commit or not.

Valid rows stream into the commit that replaces the staged hours. It is only made if, at the end of
the stream, every hour in it passed its gate. If one did not, the pass is made again with that
hour's published rows in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake.stream import Replay
from chimera_assets.layers import RAW, STAGED
from chimera_assets.quality import duplicates, quarantine
from chimera_assets.quality.batch_counts import BatchCounts
from chimera_assets.quality.judge import Judge
from chimera_assets.quality.known_values import known_values
from chimera_assets.quality.staged_schema import staged_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Commit, Table
    from chimera_assets.run_context import RunContext

#: Rows judged at a time; bounds the memory of a step.
FRAME_ROWS = 65_536

#: Rows that broke rules are explained this many at a time: Pandera costs by the call, not by row.
SUSPECT_ROWS = 100_000


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
        spool: An empty folder, for the rows that are rejected.

    Attributes:
        batches: After the pass, a row an hour, as kept in `quality/batches`.
        check_results: Likewise a row an hour and rule, as kept in `quality/check_results`.
    """

    batches: pl.DataFrame
    check_results: pl.DataFrame

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
        schema = staged_schema(self._contract)
        while True:
            blocked_before = self._blocked.height
            # Delta drives the stream from its own runtime, where it cannot be asked anything: what
            # is to be read back from the staged table is settled before.
            kept = self._kept(schema)
            rows = Replay(schema, partial(self._published, schema, kept))
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

    def rejected(self) -> pl.LazyFrame | None:
        """The quarantine rows of the last pass; None if there are none."""
        parts = sorted(self._spool.iterdir())
        return pl.scan_ipc(parts) if parts else None

    def _kept(self, schema: pa.Schema) -> pl.LazyFrame | None:
        """What is published of the blocked hours, to be left as it is."""
        if self._blocked.is_empty() or not self._staged.exists():
            return None
        rows = self._staged.read(self._hours, schema.names)
        return rows.join(self._blocked.lazy(), on=HOUR_COLUMNS, how="semi")

    def _published(self, schema: pa.Schema, kept: pl.LazyFrame | None) -> Iterator[pa.RecordBatch]:
        """The rows to publish, and at their end the gate."""
        for frame in self._judged():
            fine = frame.join(self._blocked, on=HOUR_COLUMNS, how="anti", maintain_order="left")
            yield from _batches(fine, schema)
        if kept is not None:
            for frame in kept.collect_batches(chunk_size=FRAME_ROWS, lazy=True):
                yield from _batches(frame, schema)
        blocked = self.batches.filter(~pl.col("published")).select(HOUR_COLUMNS)
        if blocked.height > self._blocked.height:
            self._blocked = blocked
            raise _HoursBlocked

    def _judged(self) -> Iterator[pl.DataFrame]:
        """The valid rows without duplicates; leaves the counts of every hour behind."""
        for left in self._spool.iterdir():  # by a pass that found an hour blocked
            left.unlink()
        counts = BatchCounts(self._contract, self._hours)
        repeated: list[pl.DataFrame] = []
        suspects: list[pl.DataFrame] = []
        for frame in _frames(self._raw, self._hours):
            screened = self._judge.screen(frame)
            counts.add_extracted(frame)
            suspects.append(screened.suspects)
            if sum(part.height for part in suspects) >= SUSPECT_ROWS:
                self._explain(counts, suspects)
                suspects = []
            valid = screened.valid
            if not self._suspected.is_empty():
                prints = duplicates.fingerprint(self._contract)
                again = pl.Series(valid.select(prints.is_in(self._suspected.implode())))
                repeated.append(valid.filter(again))
                valid = valid.filter(~again)
            counts.add_valid(valid)
            yield valid
        self._explain(counts, suspects)
        if repeated:
            all_repeated = pl.concat(repeated)
            kept = duplicates.latest(self._contract, all_repeated)
            counts.add_duplicates(all_repeated, kept)
            counts.add_valid(kept)
            yield kept
        self.batches, self.check_results = counts.settle(self._context.run_id, self._context.now)

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
            part = len(list(self._spool.iterdir()))
            rows.write_ipc(self._spool / f"{part:08d}.arrow")


def _frames(raw: Table, hours: HourRange) -> Iterator[pl.DataFrame]:
    """The raw rows in frames of about `FRAME_ROWS`: small hours together, large in parts."""
    waiting: list[pl.DataFrame] = []
    rows = 0
    for frame in raw.batches(hours, rows=FRAME_ROWS):
        if waiting and rows + frame.height > FRAME_ROWS:
            yield pl.concat(waiting)
            waiting, rows = [], 0
        waiting.append(frame)
        rows += frame.height
    if waiting:
        yield pl.concat(waiting)


def _batches(frame: pl.DataFrame, schema: pa.Schema) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = frame.select(schema.names).to_arrow().cast(schema).to_batches()
    return batches
