"""Replay: rejected rows judged again, by today's contract, from the raw rows that were received.

The hours that gain by it go through the ordinary steps from `staged` on; nothing is extracted
again. What was tried and what came of it is kept in `quality/replays`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts import required_references
from chimera_assets.hour_columns import HOUR_TYPES, hour_columns_of, hour_starts
from chimera_assets.hour_ranges import ranges_without
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import QUARANTINE, RAW
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.judge import Judge
from chimera_assets.quality.quarantine import rejected_rows
from chimera_assets.sources.batch import Batch
from chimera_assets.system_tables.batches import hour_history
from chimera_assets.system_tables.replays import REPLAYS, append_replays

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake
    from chimera_assets.sources.postgres import PostgresSource

_COUNTS = pl.Schema({**HOUR_TYPES, "rows": pl.Int64()})


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What a replay would come to, stream by stream.

    Attributes:
        prospects: Stream -> its hours that were asked for, as `prospects` gives them.
    """

    prospects: Mapping[str, pl.DataFrame]

    @property
    def gains(self) -> dict[str, pl.DataFrame]:
        """Of each stream, the hours that a replay would publish rows of."""
        return {stream: rows.filter("gains") for stream, rows in self.prospects.items()}

    def ranges(self, lake: Lake) -> list[HourRange]:
        """The hours to run, of all streams, as few ranges without the hours in between."""
        wanted = {hour for rows in self.gains.values() for hour in hour_starts(rows)}
        present = set(wanted)
        for stream in self.prospects:
            present |= set(hour_starts(lake.table(RAW, stream).rows_by_hour()))
        return ranges_without(wanted, present)


def plan_replay(
    context: AuditedContext,
    source: Callable[[], PostgresSource],
    *,
    streams: Collection[str],
    hours: HourRange | None = None,
    reason: str | None = None,
) -> ReplayPlan:
    """Which rejected rows would pass by today's contracts, and which hours that would open.

    Args:
        context: With the contracts of today.
        source: Gives where reference tables are, which a run would extract anew; asked if needed.
        streams: The streams that are asked about.
        hours: Only these hours.
        reason: Only rows that broke this rule; blocked hours count only without one.

    Raises:
        SourceError: A reference table cannot be read.
    """
    lake, found = context.lake, {}
    rejected = rejected_rows(lake, streams, hours, reason).select("stream", *HOUR_COLUMNS)
    waiting = rejected.unique().collect()
    for stream in streams:
        contract = context.contracts[stream]
        chosen = set(hour_starts(waiting.filter(pl.col("stream") == stream)))
        if reason is None:
            blocked = hour_history(lake, stream, hours).filter(~pl.col("published"))
            chosen |= set(hour_starts(blocked))
        if chosen:
            known = _known_today(context, contract, source())
            found[stream] = prospects(lake, contract, chosen, known)
    return ReplayPlan(found)


def _known_today(
    context: AuditedContext, contract: Contract, source: PostgresSource
) -> dict[str, pl.Series]:
    """What the contract's rules compare with, as the source has it now."""
    known = {}
    for reference in required_references(contract):
        stream, column = reference.split(".")
        batch = Batch.new(stream, context.now)
        rows = pl.DataFrame(source.extract_reference(context.contracts[stream], batch))
        known[reference] = rows[column].drop_nulls().unique()
    return known


def prospects(
    lake: Lake, contract: Contract, hours: Collection[datetime], known: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """What a replay of these hours would come to, by judging their raw rows without keeping it.

    Args:
        lake: The lake.
        contract: The stream's contract.
        hours: The hours.
        known: What the contract's rules compare with, as it is today, by `table.column`.

    Returns:
        A row an hour that has rejected rows or was blocked, in order: the hour columns, `waiting`
        (rows in quarantine), `passing` (of them, those that break no rule any more), `blocked`
        (nothing of the hour is published), `gains` (a replay would publish rows: some pass or the
        hour was blocked, and it passes its gate), `gone` (raw has no rows of it any more).
    """
    chosen = pl.DataFrame({"start": sorted(hours)}, schema={"start": pl.Datetime("us", "UTC")})
    chosen = chosen.select(hour_columns_of(pl.col("start")))
    blocked = hour_history(lake, contract.stream).filter(~pl.col("published")).select(HOUR_COLUMNS)
    raw = lake.table(RAW, contract.stream)
    present = raw.rows_by_hour() if raw.exists() else pl.DataFrame(schema=_COUNTS)
    counted = (
        chosen.join(_waiting(lake, contract), on=HOUR_COLUMNS, how="left")
        .join(present.rename({"rows": "raw"}), on=HOUR_COLUMNS, how="left")
        .join(blocked.with_columns(blocked=True), on=HOUR_COLUMNS, how="left")
        .with_columns(pl.col("rows", "raw").fill_null(0), pl.col("blocked").fill_null(value=False))
        .filter((pl.col("rows") > 0) | pl.col("blocked"))
    )
    judged = _rejected(lake, Judge(contract, known), hour_starts(counted.filter(pl.col("raw") > 0)))
    return (
        counted.join(judged.rename({"rows": "again"}), on=HOUR_COLUMNS, how="left")
        .with_columns(gone=pl.col("raw") == 0, again=pl.col("again").fill_null(0))
        .with_columns(
            waiting="rows",
            passing=pl.when("gone").then(0).otherwise((pl.col("rows") - pl.col("again")).clip(0)),
            opens=~pl.col("gone") & (1 - pl.col("again") / pl.col("raw") >= contract.pass_rate),
        )
        .with_columns(gains=pl.col("opens") & (pl.col("blocked") | (pl.col("passing") > 0)))
        .select(*HOUR_COLUMNS, "waiting", "passing", "blocked", "gains", "gone")
        .sort(HOUR_COLUMNS)
    )


def keep_replay(context: AuditedContext, contract: Contract, before: pl.DataFrame) -> pl.DataFrame:
    """Write down a replay that has run; gives its rows of `REPLAYS`.

    Args:
        context: When, for whom, and by which Dagster run.
        contract: The stream's contract.
        before: The replayed hours, of `prospects`.
    """
    lake = context.lake
    rows = (
        before.join(_waiting(lake, contract), on=HOUR_COLUMNS, how="left")
        .with_columns(
            run_id=pl.lit(context.run_id),
            at=pl.lit(context.now),
            by=pl.lit(context.actor.name),
            stream=pl.lit(contract.stream),
            contract_version=pl.lit(contract.version),
            rejected_again=pl.col("rows").fill_null(0),
        )
        .select(pl.col(name).cast(kind) for name, kind in REPLAYS.items())
    )
    append_replays(lake, rows, run_id=context.run_id)
    return rows


def _waiting(lake: Lake, contract: Contract) -> pl.DataFrame:
    table = lake.table(QUARANTINE, contract.stream)
    return table.rows_by_hour() if table.exists() else pl.DataFrame(schema=_COUNTS)


def _rejected(lake: Lake, judge: Judge, hours: Collection[datetime]) -> pl.DataFrame:
    """Raw rows of these hours that today's contract rejects, counted by the hour."""
    raw = lake.table(RAW, judge.contract.stream)
    counted = [pl.DataFrame(schema=_COUNTS)]
    if hours:
        for each in ranges_without(hours, hour_starts(raw.rows_by_hour())):
            for frame in raw.batches(each, rows=FRAME_ROWS):
                rejected = judge.explain(judge.screen(frame).suspects).rejected
                found = rejected.group_by(HOUR_COLUMNS).agg(rows=pl.len())
                counted.append(found.cast(_COUNTS))
    return pl.concat(counted).group_by(HOUR_COLUMNS).agg(pl.col("rows").sum())
