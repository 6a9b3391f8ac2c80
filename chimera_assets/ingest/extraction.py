"""Extracts hours into raw: the rows and the watermark that covers them, in one commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from chimera_assets.errors import ChimeraError, in_short
from chimera_assets.hours import partition_key
from chimera_assets.ingest.contract_fit import require_same_key
from chimera_assets.ingest.files_only import FilesOnly, source_now
from chimera_assets.ingest.late_rows import Backlog, Known, backlog, doubt
from chimera_assets.ingest.loss_guard import held_back, rows_of, shrunk
from chimera_assets.ingest.migration_state import require_takeover_finished
from chimera_assets.ingest.moved_rows import moved_from
from chimera_assets.ingest.unfinished import finished
from chimera_assets.ingest.watermark_commits import Advance, current_watermark
from chimera_assets.lake.commit import BATCH, RUN
from chimera_assets.layers import RAW
from chimera_assets.sources.batch import Batch
from chimera_assets.sources.landing import landed_rows
from chimera_assets.sources.stream import no_rows
from chimera_assets.tracing import traced_batches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.ingest.loss_guard import Shrunk
    from chimera_assets.ingest.watermark import Watermark
    from chimera_assets.lake import Commit, Lake
    from chimera_assets.run_context import RunContext
    from chimera_assets.sources.postgres import PostgresSource
    from chimera_assets.sources.source_state import SourceNow


class HoursHeldBack(ChimeraError):  # noqa: N818
    """Hours that were to be extracted again automatically would lose most of their rows by it."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """The outcome of an extraction.

    Attributes:
        commit: The commit to raw; None if the stream was left as it was.
        watermark: How far the stream is extracted now; None if it was left as it was.
        fewer: Hour -> its rows before and now, of hours that have lost rows at the source.
        warnings: What the people who run it should know, in lines.
        notes: What is worth knowing of the source, in lines.
    """

    commit: Commit | None = None
    watermark: Watermark | None = None
    fewer: Mapping[datetime, tuple[int, int]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def extract_into_raw(
    context: RunContext,
    contract: Contract,
    source: PostgresSource,
    hours: HourRange,
    *,
    late: frozenset[str] | None = None,
) -> Extracted:
    """Replace hours of raw by what the source has now, and advance the watermark.

    Args:
        context: The run; its rows are marked with the stream's batch of its time.
        contract: The stream's contract.
        source: Where its rows are.
        hours: The hours.
        late: The streams with late rows, where nobody asked for these hours but the sensor for
            late rows; the other streams are left as they are.

    Raises:
        HoursHeldBack: A late run would lose most rows of an hour; nothing was written.
        KeyChanged: The contract has another key than what is staged; nothing was written.
        SourceError: The source cannot be reached.
        TakeoverUnfinished: A migration has taken over some of the stream's tables only; likewise.
    """
    lake = context.lake
    require_same_key(lake, contract)
    require_takeover_finished(lake, contract.stream)
    if late is not None and contract.stream not in late:
        watermark = current_watermark(lake, contract.stream)
        if watermark is not None and frozenset(hours) <= watermark.extracted:
            return Extracted()
    raw = lake.table(RAW, contract.stream)
    known = Known.of(context.lake, contract.stream, context.now)
    now = source_now(lake, contract, source)
    notes = _notes(contract, source, now)
    try:
        found = backlog(lake, contract, known, now, hours)
        if late is not None:
            _refuse_loss(contract, shrunk(lake, contract, now, hours))
    except BaseException:
        now.close()
        raise
    before = rows_of(raw, hours)
    batch = Batch.new(contract.stream, context.now)
    done = finished(lake, contract.stream, known.watermark)
    advance = Advance(
        lake,
        contract.stream,
        known.begun,
        found.extraction(hours, batch.batch_id, done),
        lambda others: moved_from(raw, contract, found.keys, others),
    )
    rows = traced_batches(
        _rows(lake, contract, now, hours, batch),
        "extract",
        run_id=context.run_id,
        stream=contract.stream,
        hours=hours,
    )
    said = {RUN: context.run_id, BATCH: batch.batch_id}
    commit = raw.write_hours(rows, hours, metadata=said, carry=advance)
    after = rows_of(raw, hours)
    fewer = {h: (n, after.get(h, 0)) for h, n in before.items() if after.get(h, 0) < n}
    return Extracted(
        commit,
        advance.watermark,
        fewer,
        [line for line in (_doubt(contract, now, found), _message_fewer(contract, fewer)) if line],
        notes,
    )


def _rows(
    lake: Lake, contract: Contract, now: SourceNow | FilesOnly, hours: HourRange, batch: Batch
) -> pa.RecordBatchReader:
    """The rows of the source's table, then those that landed.

    The landing table is read after `backlog` has noted its version: what lands in between is
    extracted here, and once more with the hours that are found to be pending by it.
    """
    landed = landed_rows(lake, contract, hours, batch)
    if isinstance(now, FilesOnly):
        return landed if landed is not None else no_rows(contract, hourly=True)
    rows = now.rows(hours, batch)
    if landed is None:
        return rows
    return pa.RecordBatchReader.from_batches(rows.schema, chain(rows, landed))


def _notes(contract: Contract, source: PostgresSource, now: SourceNow | FilesOnly) -> list[str]:
    if isinstance(now, FilesOnly):
        return [f"There is no table {contract.source_table}: rows come from landing files, if any."]
    return source.verify(contract)


def _doubt(contract: Contract, now: SourceNow | FilesOnly, found: Backlog) -> str | None:
    return None if isinstance(now, FilesOnly) else doubt(contract, found.arrivals)


def _refuse_loss(contract: Contract, held: list[Shrunk]) -> None:
    if held:
        raise HoursHeldBack(held_back(contract.stream, held))


def _message_fewer(contract: Contract, fewer: Mapping[datetime, tuple[int, int]]) -> str | None:
    """One line for all hours that have lost rows at the source since they were extracted before."""
    if not fewer:
        return None
    shown = [f"{partition_key(h)} ({was:,} to {now:,})" for h, (was, now) in sorted(fewer.items())]
    return f"{contract.stream}: fewer rows than when they were extracted before: {in_short(shown)}"
