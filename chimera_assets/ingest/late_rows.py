"""Which hours have late rows: rows that came, or were changed, after their hour was extracted.

An hour is late if it was extracted before and the source now has rows of it that the watermark does
not cover, or if raw still holds, in that hour, the key of a row that arrived and is now in another.
Of rows that arrived in hours not extracted yet, the second is looked for when these are extracted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Self

import polars as pl

from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import ONE_HOUR, HourRange, floor_hour
from chimera_assets.ingest.landed_hours import landed
from chimera_assets.ingest.moved_rows import KEY_PRINTS, key_prints, moved_from
from chimera_assets.ingest.watermark import NO_HOURS, Extraction, Hours, Watermark
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.layers import RAW
from chimera_assets.settings import get_settings
from chimera_assets.sources.arrivals import Arrivals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import pyarrow as pa

    from chimera_assets.contracts import Contract
    from chimera_assets.ingest.files_only import FilesOnly
    from chimera_assets.ingest.watermark import Landed
    from chimera_assets.lake import Lake
    from chimera_assets.sources.source_state import SourceNow

#: A row that says it arrived so long before the watermark, and was not there then, was changed.
_CHANGED = timedelta(minutes=1)

#: How long before its arrival an event of a changed row may have been placed.
_BEFORE_ARRIVAL = timedelta(days=1)

#: So many hours around one that is extracted for the first time, older versions of its rows are
#: looked for.
_MOVED_BY = 24


@dataclass(frozen=True, slots=True)
class Known:
    """How far a stream was extracted, before the source is looked at.

    Attributes:
        watermark: None if nothing was ever extracted.
        begun: Raw's version then, or a little before; None if there was no table.
        at: When that was.
    """

    watermark: Watermark | None
    begun: int | None
    at: datetime

    @classmethod
    def of(cls, lake: Lake, stream: str, now: datetime) -> Self:
        """What the lake says of a stream now."""
        raw = lake.table(RAW, stream)
        begun = raw.version() if raw.exists() else None
        return cls(current_watermark(lake, stream), begun, now)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is pending of a stream, as the source and the landing table are now.

    Attributes:
        known: How far the stream was extracted before.
        arrivals: What arrived at the source since.
        landed: What files brought.
        late: The hours extracted before that have rows which arrived since.
        moved: The hours in which raw holds keys of rows that arrived and are in other hours now.
        keys: Fingerprint and hour of each row that may have moved, or is about to be extracted.
    """

    known: Known
    arrivals: Arrivals
    landed: Landed
    late: Hours
    moved: Hours
    keys: pl.DataFrame

    @property
    def wanted(self) -> Hours:
        """Every hour that has to be extracted (again)."""
        watermark = self.known.watermark or Watermark()
        files = self.landed.since(watermark.landing_version)
        return self.late | self.moved | watermark.pending | files

    def extraction(
        self, hours: HourRange, batch: str, finished: frozenset[tuple[str, datetime]]
    ) -> Extraction:
        """What an extraction of these hours, in the same state of the source, makes of it."""
        return Extraction(hours, self.arrivals, self.moved, self.landed, batch, finished)


def backlog(
    lake: Lake,
    contract: Contract,
    known: Known,
    source: SourceNow | FilesOnly,
    extracting: Iterable[datetime] = (),
) -> Backlog:
    """What is pending of a stream.

    Args:
        lake: The lake.
        contract: The stream's contract.
        known: How far it was extracted, learned before the source was opened: of two states of the
            source, the one compared with has to be the earlier.
        source: The source as it is now.
        extracting: The hours that are about to be extracted; none if it is only asked.
    """
    watermark = known.watermark
    since = (watermark or Watermark()).landing_version
    files = landed(lake, contract.stream, since, known.at)
    if watermark is None:
        # Nothing extracted, nothing late: the first extraction need not look at every row.
        fresh = Arrivals(source.look.now, floor=source.look.next_xid)
        return Backlog(known, fresh, files, NO_HOURS, NO_HOURS, pl.DataFrame(schema=KEY_PRINTS))
    span = HourRange(get_settings().start, floor_hour(known.at) + 2 * ONE_HOUR)
    found = source.arrivals(watermark.moment, span)
    late = (found.beyond(watermark.moment) or NO_HOURS) & watermark.extracted
    changed = _changed(found)
    keys = _keys(contract, source, found, late, changed)
    raw = lake.table(RAW, contract.stream)
    moved = moved_from(raw, contract, keys, _where_they_were(late, changed, span))
    for hours in _new_beside_extracted(extracting, watermark.extracted):
        # An UPDATE may have given a row of another hour this hour and a new arrival.
        new = _all_fingerprints(contract, source.keys(hours))
        near = HourRange(hours.start - _MOVED_BY * ONE_HOUR, hours.end + _MOVED_BY * ONE_HOUR)
        moved |= moved_from(raw, contract, new, near)
        keys = pl.concat([keys, new])
    return Backlog(known, found, files, late, moved, keys)


def _new_beside_extracted(extracting: Iterable[datetime], extracted: Hours) -> list[HourRange]:
    """The hours never extracted that lie near some that were; of a long range, its edge.

    Only their keys have to be held in memory.
    """
    around = [number * ONE_HOUR for number in range(-_MOVED_BY, _MOVED_BY + 1)]
    new = (hour for hour in extracting if hour not in extracted)
    return ranges(hour for hour in new if any(hour + by in extracted for by in around))


def _changed(found: Arrivals) -> datetime | None:
    """The earliest arrival of rows that should have been there at the watermark, if there are any.

    Such a row came from a long transaction, or was changed and kept its arrival: then its older
    version may be in another hour, even if the hour it is in now was never extracted.
    """
    if found.since is None:
        return None
    before = found.since.taken_at - _CHANGED
    arrivals = [one.earliest for one in found.hours.values() if one.earliest is not None]
    return min((arrival for arrival in arrivals if arrival < before), default=None)


def _keys(
    contract: Contract,
    source: SourceNow | FilesOnly,
    found: Arrivals,
    late: Hours,
    changed: datetime | None,
) -> pl.DataFrame:
    """Fingerprint and hour of the rows whose older versions may be in other hours."""
    if not late and changed is None:
        return pl.DataFrame(schema=KEY_PRINTS)
    before = found.since.taken_at - _CHANGED if found.since is not None else None
    return _all_fingerprints(contract, source.arrived_keys(found, sorted(late), before))


def _all_fingerprints(contract: Contract, keys: Iterable[pa.RecordBatch]) -> pl.DataFrame:
    """Fingerprint and hour of each key."""
    parts = [key_prints(contract, pl.DataFrame(keyed), placed=pl.col("_placed")) for keyed in keys]
    return pl.concat([pl.DataFrame(schema=KEY_PRINTS), *(part.cast(KEY_PRINTS) for part in parts)])


def _where_they_were(late: Hours, changed: datetime | None, span: HourRange) -> HourRange | None:
    """Where older versions may be: anywhere, or, of rows that kept their arrival, around it."""
    if late or changed is None:
        return None
    start = max(span.start, floor_hour(changed.astimezone(UTC)) - _BEFORE_ARRIVAL)
    return HourRange(start, span.end) if start < span.end else None


def doubt(contract: Contract, found: Arrivals) -> str | None:
    """What keeps late rows of a stream from being found, or makes all of its rows count as late."""
    if found.now is None:
        reason = (
            f"late rows cannot be found: {contract.source_table} is a view or a foreign table, "
            "whose rows have no versions; name the table itself in the contract, or repeat "
            "`chimera backfill` over hours that may get late rows"
        )
    elif found.behind:
        reason = (
            "the source is a standby that has not caught up with what was extracted already; "
            "late rows are looked for when it has"
        )
    elif found.restarted:
        reason = (
            "the source is not the server of earlier extractions, or was put back to an older "
            "state (restored, failed over, moved): every hour it has rows of is extracted again"
        )
    elif found.since is None and found.hours:
        reason = "its watermark is unknown: every hour it has rows of is extracted again"
    else:
        return None
    return f"{contract.stream}: {reason}"
