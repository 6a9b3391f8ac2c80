"""Whether all hours of a period are published, and which days were judged since a look before.

A stream is expected to have every hour from the first that it ever extracted; one that has no table
at the source has those that files have brought rows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import HOUR_START, hour_starts
from chimera_assets.hours import DAY_COLUMN, HourRange
from chimera_assets.ingest.unfinished import unfinished
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.lake.log_entries import read_actions
from chimera_assets.layers import LANDING
from chimera_assets.system_tables.batches import (
    batches_table,
    days_judged_since,
    newest_batches_of_days,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.watermark import Hours, Watermark
    from chimera_assets.lake import Lake

#: Of more commits than this nobody asks one by one what they were about.
_COMMITS_READ = 500

#: An hour is judged as of when its run began, and committed later.
_LONGEST_RUN = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What there is of a period.

    Attributes:
        expected: How many hours its streams are expected to have, all together.
        lacking: How many of these are not published, or wait for a run.
    """

    expected: int
    lacking: int


def readiness(lake: Lake, contracts: Mapping[str, Contract], hours: HourRange) -> Readiness:
    """What there is of a period; reads the accounts of its hours, and no rows of events.

    Raises:
        ChimeraError: A table cannot be read.
    """
    streams = [contract for contract in contracts.values() if contract.kind == "stream"]
    marks = {one.stream: current_watermark(lake, one.stream) for one in streams}
    extracted = [hour for mark in marks.values() if mark for hour in mark.extracted]
    last = (hours.end - timedelta(hours=1)).date()
    newest = newest_batches_of_days(lake, list(marks), hours.start.date(), last)
    published = newest.filter("published").partition_by("stream", as_dict=True)
    expected = lacking = 0
    for contract in streams:
        mark, name = marks[contract.stream], contract.stream
        first = min(mark.extracted if mark and mark.extracted else extracted, default=None)
        wanted = _expected(
            lake, contract, mark, frozenset(h for h in hours if first and h >= first)
        )
        done = hour_starts(published[name,]) if (name,) in published else ()
        expected += len(wanted)
        lacking += len((wanted - frozenset(done)) | _pending(lake, name, mark, hours))
    return Readiness(expected, lacking)


def judged_since(lake: Lake, version: int, looked: datetime) -> frozenset[date]:
    """The days of which hours were judged since a look before.

    Args:
        lake: The lake.
        version: The version of `quality/batches` then.
        looked: When that was.

    Raises:
        ChimeraError: The table cannot be read.
    """
    table = batches_table(lake)
    newest = table.version()
    if not version <= newest <= version + _COMMITS_READ:
        return days_judged_since(lake, looked - _LONGEST_RUN)
    try:
        actions = [one for v in range(version + 1, newest + 1) for one in read_actions(table, v)]
    except FileNotFoundError:  # the log was cut
        return days_judged_since(lake, looked - _LONGEST_RUN)
    added = (action["add"] for action in actions if "add" in action)
    return frozenset(
        date.fromisoformat(one["partitionValues"][DAY_COLUMN]) for one in added if one["dataChange"]
    )


def _expected(lake: Lake, contract: Contract, mark: Watermark | None, hours: Hours) -> Hours:
    if mark is not None and mark.moment is not None:
        return hours
    landing = lake.table(LANDING, contract.stream)
    if landing.exists():
        return hours & frozenset(landing.rows_by_hour().select(HOUR_START).to_series())
    return frozenset() if contract.optional_at_source else hours


def _pending(lake: Lake, stream: str, mark: Watermark | None, hours: HourRange) -> Hours:
    """The hours that wait for a run, or of which one that has begun is not at its end."""
    if mark is None:
        return frozenset()
    opened = any(hour in hours for of_batch in mark.open.values() for hour in of_batch)
    waiting = mark.pending | unfinished(lake, stream, mark) if opened else mark.pending
    return frozenset(hour for hour in waiting if hour in hours)
