"""Which hours of a period each stream is expected to have, and which of them wait for a run.

A stream is expected to have every hour from the first that it ever extracted; one that has no table
at the source has those that files have brought rows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.ingest.unfinished import unfinished
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.layers import LANDING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.ingest.watermark import Hours, Watermark
    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class ExpectedHours:
    """What a stream is expected to have of a period.

    Attributes:
        hours: Its hours.
        pending: Hours that wait for a run, or of which one that has begun is not at its end.
        first: The first hour that it is expected to have at all; None of one that only files feed,
            and where nothing was ever extracted.
    """

    hours: Hours
    pending: Hours
    first: datetime | None


def expected_hours(
    lake: Lake, contracts: Mapping[str, Contract], hours: HourRange
) -> dict[str, ExpectedHours]:
    """What each stream is expected to have; of one that was never extracted since others were.

    Raises:
        ChimeraError: A table's log cannot be read.
    """
    streams = [contract for contract in contracts.values() if contract.kind == "stream"]
    marks = {one.stream: current_watermark(lake, one.stream) for one in streams}
    extracted = [hour for mark in marks.values() if mark for hour in mark.extracted]
    found: dict[str, ExpectedHours] = {}
    for contract in streams:
        mark, name = marks[contract.stream], contract.stream
        first = min(mark.extracted if mark and mark.extracted else extracted, default=None)
        since = frozenset(hour for hour in hours if first and hour >= first)
        wanted = _expected(lake, contract, mark, since)
        by_files = lake.table(LANDING, name).exists() and (mark is None or mark.moment is None)
        pending = _pending(lake, name, mark, hours)
        found[name] = ExpectedHours(wanted, pending, None if by_files else first)
    return found


def _expected(lake: Lake, contract: Contract, mark: Watermark | None, hours: Hours) -> Hours:
    if mark is not None and mark.moment is not None:
        return hours
    landing = lake.table(LANDING, contract.stream)
    if landing.exists():
        return hours & frozenset(landing.rows_by_hour().select(HOUR_START).to_series())
    return frozenset() if contract.optional_at_source else hours


def _pending(lake: Lake, stream: str, mark: Watermark | None, hours: HourRange) -> Hours:
    if mark is None:
        return frozenset()
    opened = any(hour in hours for of_batch in mark.open.values() for hour in of_batch)
    waiting = mark.pending | unfinished(lake, stream, mark) if opened else mark.pending
    return frozenset(hour for hour in waiting if hour in hours)
