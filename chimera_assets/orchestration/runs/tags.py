"""The tags of runs: which hours a run is for, and why it runs them again.

Dagster keeps nothing else of a run that others can read before it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError
from chimera_assets.hours import ONE_HOUR, HourRange, partition_key

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The tag of a run for one hour; a run for several has those of a range.
PARTITION_TAG = "dagster/partition"
_RANGE_START, _RANGE_END = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)

#: The tag of the cause.
CAUSE_TAG = "chimera/cause"

#: Rows came late: the sensor asked for the hours.
LATE = "late"

#: Rejected rows are judged again: somebody asked for it.
REPLAY = "replay"

#: The tags of a late run: the streams that have late rows, parted by spaces, and how many rows.
STREAMS_TAG, ROWS_TAG = "chimera/late_streams", "chimera/late_rows"

#: The tags of a run that builds a report: which; and where it is, once it is built.
REPORT_TAG, REPORT_PLACE_TAG = "chimera/report", "chimera/report_place"


def partition_tags(hours: HourRange) -> dict[str, str]:
    """The tags by which Dagster knows which hours a run is for."""
    first, last = partition_key(hours.start), partition_key(hours.end - ONE_HOUR)
    if first == last:
        return {PARTITION_TAG: first}
    return {_RANGE_START: first, _RANGE_END: last}


def hours_of_tags(tags: Mapping[str, str]) -> HourRange | None:
    """The hours that a run's tags name; None for a run of none, or of other partitions."""
    first = tags.get(_RANGE_START) or tags.get(PARTITION_TAG)
    last = tags.get(_RANGE_END) or first
    if first is None or last is None:
        return None
    try:
        return HourRange.from_keys(first, last)
    except ArgumentError:  # a partition of somebody else's asset
        return None


def late_tags(streams: tuple[str, ...], rows: int) -> dict[str, str]:
    """The tags of a run for late rows; how many rows, if that is known."""
    counted = {ROWS_TAG: str(rows)} if rows else {}
    return {CAUSE_TAG: LATE, STREAMS_TAG: " ".join(streams), **counted}


def late_streams(tags: Mapping[str, str]) -> frozenset[str] | None:
    """The streams with late rows that a run is for; None if it is not for late rows."""
    if tags.get(CAUSE_TAG) != LATE:
        return None
    return frozenset(tags.get(STREAMS_TAG, "").split())


def late_rows(tags: Mapping[str, str]) -> int | None:
    """How many late rows a run is for; None if that is not known."""
    rows = tags.get(ROWS_TAG, "")
    return int(rows) if rows.isdecimal() else None
