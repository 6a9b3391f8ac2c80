"""From raw to staged: judge, quarantine, gate, and publish what may be published.

The hours are read once, in bounded frames, hour by hour. Valid rows stream into the one commit that
replaces the staged hours; it is only made if, at the end of the stream, every hour in it passed its
gate. If one did not, the pass is made again with that hour's published rows in its place: what
readers see of a blocked hour stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.contracts import required_references
from chimera_assets.errors import ChimeraError
from chimera_assets.hour_columns import HOUR_FIELDS, HOUR_TYPES
from chimera_assets.hours import (
    DAY_COLUMN,
    HOUR_COLUMN,
    HOUR_COLUMNS,
    HourRange,
    floor_hour,
    partition_values,
)
from chimera_assets.lake.stream import Replay
from chimera_assets.layers import QUARANTINE, RAW, STAGED
from chimera_assets.quality import duplicates, quarantine
from chimera_assets.quality.batch_counts import BatchCounts
from chimera_assets.quality.judge import Judge
from chimera_assets.spool import spool_folder
from chimera_assets.system_tables.batches import append_batches, last_judged
from chimera_assets.system_tables.check_results import append_check_results

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Commit, Lake, Table

#: Rows judged at a time; bounds the memory of a step.
FRAME_ROWS = 65_536

#: Rows that broke rules are explained this many at a time: Pandera costs by the call, not by row.
SUSPECT_ROWS = 100_000

#: What `raw`, `staged` and everything made from them have beside the contract's columns.
LINEAGE_FIELDS = (
    *HOUR_FIELDS,
    pa.field("_batch_id", pa.string()),
    pa.field("_ingested_at", pa.timestamp("us", tz="UTC")),
)


@dataclass(frozen=True, slots=True)
class Staging:
    """What became of some hours of a stream.

    Attributes:
        batches: A row an hour, as kept in `quality/batches`.
        check_results: A row an hour and rule, as kept in `quality/check_results`.
        staged: The commit that replaced the staged hours; None if every hour was blocked.
        quarantine: The commit that replaced the hours' quarantine.
    """

    batches: pl.DataFrame
    check_results: pl.DataFrame
    staged: Commit | None
    quarantine: Commit

    @property
    def blocked(self) -> pl.DataFrame:
        """The hours that may not be published."""
        return self.batches.filter(~pl.col("published"))


def staged_schema(contract: Contract) -> pa.Schema:
    """The Arrow schema of a staged table."""
    lineage = LINEAGE_FIELDS if contract.kind == "stream" else LINEAGE_FIELDS[2:]
    return pa.schema([*contract.arrow_schema(), *lineage])


def references(lake: Lake, contract: Contract) -> dict[str, pl.Series]:
    """The known values that the contract's rules compare with, from the staged reference tables.

    Raises:
        ChimeraError: A reference table has not been extracted yet.
    """
    known: dict[str, pl.Series] = {}
    for reference in required_references(contract):
        stream, column = reference.split(".")
        table = lake.table(STAGED, stream)
        if not table.exists():
            msg = (
                f"{contract.stream}: its rules compare with {reference}, but {table.uri} does not "
                f"exist yet; materialize staged/{stream} first"
            )
            raise ChimeraError(msg)
        known[reference] = table.read(columns=[column]).collect().to_series().drop_nulls().unique()
    return known


def stage_hours(  # noqa: PLR0913
    lake: Lake,
    contract: Contract,
    hours: HourRange,
    *,
    run_id: str,
    now: datetime,
    replay: bool = False,
) -> Staging:
    """Judge the raw rows of these hours; quarantine the bad, publish the good, keep the results.

    Args:
        lake: The lake with the layer `raw`.
        contract: The stream's contract.
        hours: The hours; each is judged on its own.
        run_id: Kept with the results.
        now: Kept as the time of judgement; a little later if the hours were last judged later, by
            a clock that was since set back: the last judgement is the one with the latest time.
        replay: Whether raw rows that were judged before are judged again on demand.

    Raises:
        TableNotFound: The stream has no raw table yet.
    """
    now = _after_the_last(lake, contract, hours, now)
    with spool_folder("rejected") as folder:
        judging = _Judging(lake, contract, hours, run_id, now, folder, replay=replay)
        staged = judging.publish()
        quarantined = lake.table(QUARANTINE, contract.stream).write_hours(
            judging.rejected(), hours, schema=quarantine.arrow_schema(), metadata={"run": run_id}
        )
    _keep_results(lake, judging.batches, judging.check_results)
    return Staging(judging.batches, judging.check_results, staged, quarantined)


def _after_the_last(lake: Lake, contract: Contract, hours: HourRange, now: datetime) -> datetime:
    last = last_judged(lake, contract.stream, hours)
    return now if last is None else max(now, last + timedelta(microseconds=1))


def stage_reference(lake: Lake, contract: Contract, *, run_id: str, now: datetime) -> Staging:
    """The same for a reference table, which is small, extracted whole, and replaced whole.

    In the accounts it stands under the hour in which it was judged.
    """
    hours = HourRange.single(floor_hour(now))
    day, hour = partition_values(hours.start)
    lits = {DAY_COLUMN: pl.lit(day), HOUR_COLUMN: pl.lit(hour, HOUR_TYPES[HOUR_COLUMN])}
    rows = lake.table(RAW, contract.stream).read().collect().with_columns(**lits)
    counts = BatchCounts(contract, hours)
    judge = Judge(contract, references(lake, contract))
    screened = judge.screen(rows)
    explained = judge.explain(screened.suspects)
    kept = duplicates.latest(contract, screened.valid)
    counts.add_extracted(rows)
    counts.add_suspects(explained)
    counts.add_duplicates(screened.valid, kept)
    counts.add_valid(kept)
    batches, found = counts.settle(run_id, now)
    staged = None
    if batches["published"].all():
        schema = staged_schema(contract)
        data = kept.select(schema.names).to_arrow().cast(schema)
        staged = lake.table(STAGED, contract.stream).overwrite(data, metadata={"run": run_id})
    table = lake.table(QUARANTINE, contract.stream)
    bad = quarantine.quarantined(
        contract, explained.rejected, _seen(table, None).with_columns(**lits), now
    )
    quarantined = table.overwrite(bad, partition_by=HOUR_COLUMNS, metadata={"run": run_id})
    _keep_results(lake, batches, found)
    return Staging(batches, found, staged, quarantined)


def _keep_results(lake: Lake, batches: pl.DataFrame, check_results: pl.DataFrame) -> None:
    append_check_results(lake, check_results)
    append_batches(lake, batches)


class _HoursBlocked(Exception):  # noqa: N818 - a signal between two lines of this file
    """Ends the stream, and with it the commit, because an hour in it did not pass its gate."""


class _Judging:
    """One pass over the raw rows of some hours, or two if an hour turns out to be blocked."""

    batches: pl.DataFrame
    check_results: pl.DataFrame

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        lake: Lake,
        contract: Contract,
        hours: HourRange,
        run_id: str,
        now: datetime,
        spool: Path,
        *,
        replay: bool,
    ) -> None:
        self._contract, self._hours, self._run_id, self._now = contract, hours, run_id, now
        self._raw = lake.table(RAW, contract.stream)
        self._staged = lake.table(STAGED, contract.stream)
        self._judge = Judge(contract, references(lake, contract))
        self._seen = _seen(lake.table(QUARANTINE, contract.stream), hours)
        self._suspected = duplicates.suspected(contract, self._raw, hours)
        self._blocked = pl.DataFrame(schema=HOUR_TYPES)
        self._spool = spool
        self._replay = replay

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
                    metadata={"run": self._run_id, "contract": self._contract.version},
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
        """The valid rows without duplicates; leaves the accounts of every hour behind."""
        for left in self._spool.iterdir():  # by a pass that found an hour blocked
            left.unlink()
        counts = BatchCounts(self._contract, self._hours)
        twins: list[pl.DataFrame] = []
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
                twin = pl.Series(valid.select(prints.is_in(self._suspected.implode())))
                twins.append(valid.filter(twin))
                valid = valid.filter(~twin)
            counts.add_valid(valid)
            yield valid
        self._explain(counts, suspects)
        if twins:
            all_twins = pl.concat(twins)
            kept = duplicates.latest(self._contract, all_twins)
            counts.add_duplicates(all_twins, kept)
            counts.add_valid(kept)
            yield kept
        self.batches, self.check_results = counts.settle(self._run_id, self._now)

    def _explain(self, counts: BatchCounts, suspects: list[pl.DataFrame]) -> None:
        """Account for the suspects, and put the rejected ones by for the quarantine."""
        if not suspects:
            return
        explained = self._judge.explain(pl.concat(suspects))
        counts.add_suspects(explained)
        if not explained.rejected.is_empty():
            rows = quarantine.quarantined(
                self._contract, explained.rejected, self._seen, self._now, replay=self._replay
            )
            part = len(list(self._spool.iterdir()))
            rows.write_ipc(self._spool / f"{part:08d}.arrow")


def _seen(table: Table, hours: HourRange | None) -> pl.DataFrame:
    """What the quarantine held of these hours: hour columns, record, first_seen, replay_state."""
    columns = [*HOUR_COLUMNS, "record", "first_seen", "replay_state"]
    if not table.exists():
        return pl.DataFrame(schema={name: quarantine.SCHEMA[name] for name in columns})
    return table.read(hours, columns).collect()


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
