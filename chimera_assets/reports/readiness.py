"""Whether all hours of a period are published, and which days were judged since a look before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import DAY_COLUMN
from chimera_assets.lake.log_entries import read_actions
from chimera_assets.reports.expected_hours import expected_hours
from chimera_assets.system_tables.batches import (
    batches_table,
    days_judged_since,
    newest_batches_of_days,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
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
    streams = expected_hours(lake, contracts, hours)
    last = (hours.end - timedelta(hours=1)).date()
    newest = newest_batches_of_days(lake, list(streams), hours.start.date(), last)
    published = newest.filter("published").partition_by("stream", as_dict=True)
    expected = lacking = 0
    for name, one in streams.items():
        done = hour_starts(published[name,]) if (name,) in published else ()
        expected += len(one.hours)
        lacking += len((one.hours - frozenset(done)) | one.pending)
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
