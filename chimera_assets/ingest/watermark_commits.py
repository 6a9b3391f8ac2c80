"""Where watermarks are kept: in the commits of raw, each with the hours that it covers.

Every write of hours is also an application transaction of one more than the last, so that of two
writers who saw the same watermark, Delta lets one win; the other reads the winner's and goes again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HOUR_COLUMNS, parse_range
from chimera_assets.ingest.watermark import (
    NO_HOURS,
    Extraction,
    Hours,
    Watermark,
    advanced,
)
from chimera_assets.lake.commit import Carried
from chimera_assets.lake.log_entries import commit_info
from chimera_assets.layers import RAW
from chimera_assets.system_tables.batches import judged_hours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deltalake import DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table

#: The application id, and the key of the watermark in a commit's metadata.
WATERMARK_KEY = "chimera.watermark"


def current_watermark(lake: Lake, stream: str) -> Watermark | None:
    """The watermark of a stream; None if nothing of it was ever extracted.

    A table whose log has lost its watermark (written by others, or long ago) has one of an unknown
    moment, by which every hour that the source has rows of is late.
    """
    raw = lake.table(RAW, stream)
    return _watermark(lake, stream, raw.delta()) if raw.exists() else None


def _watermark(lake: Lake, stream: str, delta: DeltaTable) -> Watermark:
    raw = lake.table(RAW, stream)
    if delta.transaction_version(WATERMARK_KEY) is not None:
        for info in _commits(raw, delta.version()):
            if WATERMARK_KEY in info:
                return Watermark.from_json(info[WATERMARK_KEY])
    return Watermark(extracted=_ever_extracted(lake, stream))


def _commits(table: Table, newest: int) -> Iterator[dict[str, Any]]:
    """The commits that led to a version, newest first, as far as the log reaches.

    What a restore undid did not lead there.
    """
    version = newest
    while version >= 0:
        try:
            info = commit_info(table, version)
        except FileNotFoundError:
            return
        yield info
        version -= 1
        if info.get("operation") == "RESTORE":
            restored = info.get("operationParameters", {}).get("version")
            if restored is None:  # by time: which version that was, the log does not say
                return
            version = int(restored)


def _ever_extracted(lake: Lake, stream: str) -> Hours:
    """The hours of raw's files, and those that were judged and had no rows."""
    known = [lake.table(RAW, stream).rows_by_hour().select(HOUR_COLUMNS)]
    known.append(judged_hours(lake, stream))
    return frozenset(pl.concat(known).select(HOUR_START).to_series())


class Advance:
    """Gives each attempt of a raw commit the watermark that it has to carry.

    Args:
        lake: The lake.
        stream: The stream.
        begun: Raw's version when the extraction began; None if there was no table.
        extraction: What is committed.
        moved: Finds in which of some hours raw has keys of rows that arrived in other hours; asked
            for the hours that others wrote meanwhile.

    Attributes:
        watermark: The one of the last attempt, and so, after the commit, of the commit.
    """

    def __init__(
        self,
        lake: Lake,
        stream: str,
        begun: int | None,
        extraction: Extraction,
        moved: Callable[[HourRange], Hours],
    ) -> None:
        self._lake, self._stream, self._begun = lake, stream, begun
        self._extraction, self._moved = extraction, moved
        self.watermark = Watermark()

    def __call__(self, delta: DeltaTable) -> Carried:
        """The transaction and metadata of an attempt on this state of raw."""
        state = _watermark(self._lake, self._stream, delta)
        # What others wrote meanwhile has not been looked through yet.
        beside = [self._moved(hours) for hours in ranges(self._beside(delta))]
        moved = self._extraction.moved.union(*beside)
        self.watermark = advanced(state, replace(self._extraction, moved=moved))
        number = (delta.transaction_version(WATERMARK_KEY) or 0) + 1
        return Carried((WATERMARK_KEY, number), {WATERMARK_KEY: self.watermark.to_json()})

    def _beside(self, delta: DeltaTable) -> Hours:
        """The hours that others have written since the extraction began."""
        raw = self._lake.table(RAW, self._stream)
        first = 0 if self._begun is None else self._begun + 1
        found = NO_HOURS
        for version in range(first, delta.version() + 1):
            if hours := commit_info(raw, version).get("chimera.hours"):
                found |= frozenset(parse_range(hours))
        return found
