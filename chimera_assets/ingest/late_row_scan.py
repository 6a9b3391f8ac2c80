"""Scans one stream's source for late rows: which hours are pending, and messages about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

from chimera_assets.hour_ranges import ranges
from chimera_assets.ingest.files_only import FilesOnly, source_now
from chimera_assets.ingest.late_rows import Known, backlog, doubt
from chimera_assets.ingest.loss_guard import held_back, shrunk
from chimera_assets.ingest.unfinished import unfinished
from chimera_assets.ingest.watermark import NO_HOURS, Hours
from chimera_assets.layers import LANDING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.watermark import Watermark
    from chimera_assets.lake import Lake
    from chimera_assets.sources.postgres import PostgresSource


@dataclass(frozen=True, slots=True)
class LateRowScan:
    """What a scan of one stream found.

    Attributes:
        pending: The hours to be extracted (again).
        rows: How many rows came late in each of them, where that is known.
        messages: For the log of the tick, in lines.
    """

    pending: Hours = NO_HOURS
    rows: Mapping[datetime, int] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


def scan_for_late_rows(
    lake: Lake, contract: Contract, source: PostgresSource, *, now: datetime, seconds: int
) -> LateRowScan:
    """Scan a stream's source for rows that its watermark does not cover.

    Args:
        lake: The lake.
        contract: The stream's contract.
        source: Where its table is.
        now: The present.
        seconds: How long the server may take for an answer.

    Raises:
        SourceError: The source cannot be reached, or takes longer.
    """
    known = Known.of(lake, contract.stream, now)
    if known.begun is None and not lake.table(LANDING, contract.stream).exists():
        return LateRowScan(messages=(f"{contract.stream}: nothing extracted yet",))
    messages: list[str] = []
    with source_now(lake, contract, source, seconds=seconds) as state:
        found = backlog(lake, contract, known, state)
        # What a source that is behind would give now is older than what is there.
        left = unfinished(lake, contract.stream, known.watermark)
        pending = NO_HOURS if found.arrivals.behind else found.wanted | left
        kept = [one for hours in ranges(pending) for one in shrunk(lake, contract, state, hours)]
    if kept:
        messages.append(held_back(contract.stream, kept))
    if not isinstance(state, FilesOnly) and (line := doubt(contract, found.arrivals)):
        messages.append(line)
    pending -= {one.hour for one in kept}
    if not pending and not messages:
        messages += _nothing_late(contract, known.watermark)
    rows = {h: one.rows for h, one in found.arrivals.hours.items() if h in found.late}
    return LateRowScan(pending, rows, tuple(messages))


def _nothing_late(contract: Contract, watermark: Watermark | None) -> list[str]:
    if watermark is None or watermark.moment is None:
        return []
    until = watermark.moment.taken_at.astimezone(UTC)
    return [f"{contract.stream}: no late rows; extracted up to {until:%Y-%m-%d %H:%M:%S}Z"]
