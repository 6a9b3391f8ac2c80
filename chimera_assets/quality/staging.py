"""From raw to staged: judge, quarantine, gate, and publish what may be published."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from chimera_assets.ingest.contract_fit import require_same_key, require_types
from chimera_assets.ingest.migration_state import require_takeover_finished
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
from chimera_assets.system_tables.column_profiles import COLUMN_PROFILES, append_column_profiles

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Commit, Lake
    from chimera_assets.run_context import RunContext


@dataclass(frozen=True, slots=True)
class Staging:
    """What became of some hours of a stream.

    Attributes:
        batches: A row an hour, as kept in `quality/batches`.
        check_results: A row an hour and rule, as kept in `quality/check_results`.
        staged: The commit that replaced the staged hours; None if every hour was blocked.
        quarantine: The commit that replaced the hours' quarantine.
        column_profiles: A row a published hour and column, as kept in `quality/column_profiles`;
            none of a reference table.
    """

    batches: pl.DataFrame
    check_results: pl.DataFrame
    staged: Commit | None
    quarantine: Commit
    column_profiles: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=COLUMN_PROFILES)
    )

    @property
    def blocked(self) -> pl.DataFrame:
        """The hours that may not be published."""
        return self.batches.filter(~pl.col("published"))


def stage_hours(
    context: RunContext, contract: Contract, hours: HourRange, *, replay: bool = False
) -> Staging:
    """Judge the raw rows of these hours; quarantine the bad, publish the good, keep the results.

    Args:
        context: With the layer `raw` in its lake. Its time is kept as the time of judgement; a
            little later one if the hours were last judged later, by a clock that was since set
            back: the last judgement is the one with the latest time.
        contract: The stream's contract.
        hours: The hours; each is judged on its own.
        replay: Whether raw rows that were judged before are judged again on demand.

    Raises:
        TableNotFound: The stream has no raw table yet.
        KeyChanged: The contract has another key than what is staged; nothing was written.
        SchemaConflict: It has another type than raw; likewise.
        TakeoverUnfinished: A migration has taken over some of the stream's tables only; likewise.
    """
    require_same_key(context.lake, contract)
    require_takeover_finished(context.lake, contract.stream)
    if (raw := context.lake.table(RAW, contract.stream)).exists():
        require_types(raw, contract)
    context = _after_the_last(context, contract, hours)
    lake = context.lake
    with spool_folder("rejected") as folder:
        made = HourPass(Judging(context, contract, hours, replay), folder)
        staged = made.publish()
        quarantined = lake.table(QUARANTINE, contract.stream).write_hours(
            made.rejected(),
            hours,
            schema=quarantine.arrow_schema(),
            metadata={"run": context.run_id, "contract": contract.version},
        )
    if not made.column_profiles.is_empty():
        append_column_profiles(lake, made.column_profiles)
    _keep_results(lake, made.batches, made.check_results)
    return Staging(made.batches, made.check_results, staged, quarantined, made.column_profiles)


def _after_the_last(context: RunContext, contract: Contract, hours: HourRange) -> RunContext:
    last = last_judged(context.lake, contract.stream, hours)
    if last is None:
        return context
    return replace(context, now=max(context.now, last + timedelta(microseconds=1)))


def stage_reference(context: RunContext, contract: Contract) -> Staging:
    """The same for a reference table, which is small, extracted whole, and replaced whole.

    In the batch counts it stands under the hour in which it was judged.
    """
    lake, now = context.lake, context.now
    written = {"run": context.run_id, "contract": contract.version}
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
    batches, found = counts.settle(context.run_id, now)
    staged = None
    if batches["published"].all():
        schema = staged_schema(contract)
        data = kept.select(schema.names).to_arrow().cast(schema)
        staged = lake.table(STAGED, contract.stream).overwrite(data, metadata=written)
    table = lake.table(QUARANTINE, contract.stream)
    bad = quarantine.quarantined(
        contract,
        explained.rejected,
        quarantine.seen_before(lake, contract.stream, None).with_columns(**lits),
        now,
    )
    quarantined = table.overwrite(bad, partition_by=HOUR_COLUMNS, metadata=written)
    _keep_results(lake, batches, found)
    return Staging(batches, found, staged, quarantined)


def _keep_results(lake: Lake, batches: pl.DataFrame, check_results: pl.DataFrame) -> None:
    append_check_results(lake, check_results)
    append_batches(lake, batches)
