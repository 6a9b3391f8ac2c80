"""From raw to staged: judge, quarantine, gate, and publish what may be published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import (
    DAY_COLUMN,
    HOUR_COLUMN,
    HOUR_COLUMNS,
    HourRange,
    floor_hour,
    partition_values,
)
from chimera_assets.layers import QUARANTINE, RAW, STAGED
from chimera_assets.quality import duplicates, quarantine
from chimera_assets.quality.batch_counts import BatchCounts
from chimera_assets.quality.hour_pass import HourPass, Judging
from chimera_assets.quality.judge import Judge
from chimera_assets.quality.known_values import known_values
from chimera_assets.quality.staged_schema import staged_schema
from chimera_assets.spool import spool_folder
from chimera_assets.system_tables.batches import append_batches, last_judged
from chimera_assets.system_tables.check_results import append_check_results

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Commit, Lake


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
        made = HourPass(Judging(lake, contract, hours, run_id, now, replay), folder)
        staged = made.publish()
        quarantined = lake.table(QUARANTINE, contract.stream).write_hours(
            made.rejected(), hours, schema=quarantine.arrow_schema(), metadata={"run": run_id}
        )
    _keep_results(lake, made.batches, made.check_results)
    return Staging(made.batches, made.check_results, staged, quarantined)


def _after_the_last(lake: Lake, contract: Contract, hours: HourRange, now: datetime) -> datetime:
    last = last_judged(lake, contract.stream, hours)
    return now if last is None else max(now, last + timedelta(microseconds=1))


def stage_reference(lake: Lake, contract: Contract, *, run_id: str, now: datetime) -> Staging:
    """The same for a reference table, which is small, extracted whole, and replaced whole.

    In the batch counts it stands under the hour in which it was judged.
    """
    hours = HourRange.single(floor_hour(now))
    day, hour = partition_values(hours.start)
    lits = {DAY_COLUMN: pl.lit(day), HOUR_COLUMN: pl.lit(hour, HOUR_TYPES[HOUR_COLUMN])}
    rows = lake.table(RAW, contract.stream).read().collect().with_columns(**lits)
    counts = BatchCounts(contract, hours)
    judge = Judge(contract, known_values(lake, contract))
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
        contract,
        explained.rejected,
        quarantine.seen_before(lake, contract.stream, None).with_columns(**lits),
        now,
    )
    quarantined = table.overwrite(bad, partition_by=HOUR_COLUMNS, metadata={"run": run_id})
    _keep_results(lake, batches, found)
    return Staging(batches, found, staged, quarantined)


def _keep_results(lake: Lake, batches: pl.DataFrame, check_results: pl.DataFrame) -> None:
    append_check_results(lake, check_results)
    append_batches(lake, batches)
