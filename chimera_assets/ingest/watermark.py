"""The watermark, how far a stream's arrivals are extracted: a value, and how it moves on.

It says: every row that the moment shows, of an hour that was ever extracted, is in
`raw/<stream>`, except rows of the pending hours. Nothing here reads or writes; see
`watermark_commits.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HourRange, parse_range
from chimera_assets.sources.arrivals import Arrivals, Moment
from chimera_assets.sources.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: No table has such a version: nothing has come from files.
NOTHING_LANDED = -1

Hours = frozenset[datetime]
NO_HOURS: Hours = frozenset()


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a stream is extracted.

    Attributes:
        moment: The state of the source that is extracted; None if that is not known.
        landing_version: The version of the table `landing/<stream>` that is extracted.
        pending: The hours that have to be extracted (again) for it to be true.
        extracted: Every hour that was ever extracted, those without rows too.
        open: Batch -> the hours of raw that it wrote and that were not yet seen in all that is made
            of raw; see `unfinished.py`.
    """

    moment: Moment | None = None
    landing_version: int = NOTHING_LANDED
    pending: Hours = NO_HOURS
    extracted: Hours = NO_HOURS
    open: Mapping[str, Hours] = field(default_factory=dict)

    def to_json(self) -> str:
        """The watermark as it is kept with a commit."""
        moment = self.moment
        return json.dumps(
            {
                "snapshot": str(moment.snapshot) if moment else None,
                "server": moment.server if moment else None,
                "database": moment.database if moment else None,
                "tables": sorted(moment.tables) if moment else [],
                "taken_at": moment.taken_at.isoformat() if moment else None,
                "landing_version": self.landing_version,
                "owed": [str(one) for one in ranges(self.pending)],
                "taken": [str(one) for one in ranges(self.extracted)],
                "open": {batch: [*map(str, ranges(hours))] for batch, hours in self.open.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The watermark that a commit keeps."""
        kept = json.loads(text)
        moment = None
        if kept["snapshot"] is not None:
            moment = Moment(
                Snapshot.parse(kept["snapshot"]),
                kept["server"],
                kept["database"],
                frozenset(kept["tables"]),
                datetime.fromisoformat(kept["taken_at"]),
            )
        opened = {batch: _hours(hours) for batch, hours in kept.get("open", {}).items()}
        pending, extracted = _hours(kept["owed"]), _hours(kept["taken"])
        return cls(moment, kept["landing_version"], pending, extracted, opened)


def _hours(texts: Iterable[str]) -> Hours:
    return frozenset(hour for text in texts for hour in parse_range(text))


@dataclass(frozen=True, slots=True)
class Landed:
    """What files brought: the table's version, and the hours that each newer commit named."""

    version: int = NOTHING_LANDED
    commits: tuple[tuple[int, Hours], ...] = ()

    def since(self, version: int) -> Hours:
        """The hours of the commits after a version."""
        return frozenset().union(*(hours for number, hours in self.commits if number > version))


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one extraction knows that advances its stream's watermark.

    Attributes:
        hours: The hours it replaces.
        arrivals: What the source had beyond the watermark that was known when it began.
        moved: Hours where raw held keys of rows that arrived and are now in other hours.
        landed: The landing table as it was read, or before.
        batch: Its batch.
        finished: The hours of batches before it that were seen in all that is made of raw.
    """

    hours: HourRange
    arrivals: Arrivals
    moved: Hours = NO_HOURS
    landed: Landed = field(default_factory=Landed)
    batch: str = ""
    finished: frozenset[tuple[str, datetime]] = frozenset()


def advanced(state: Watermark, extraction: Extraction) -> Watermark:
    """The watermark once the extraction's hours are in raw.

    Two extractions may run at once, and the one that looked at the source first may commit last.
    What it wrote is then older than what the watermark covers, so its hours become pending.

    Args:
        state: The newest watermark, in the commit before.
        extraction: What is committed.
    """
    seen = extraction.arrivals
    pending, moment, current = set(state.pending), state.moment, True
    if seen.now is None:
        moment = None
    elif (late := seen.beyond(state.moment)) is None:
        current = False
    else:
        pending |= late & state.extracted
        moment = seen.now
    pending |= extraction.moved
    landing = extraction.landed
    if landing.version >= state.landing_version:
        pending |= landing.since(state.landing_version)
    else:
        current = False
    mine = frozenset(extraction.hours)
    return replace(
        state,
        moment=moment,
        landing_version=max(landing.version, state.landing_version),
        pending=frozenset(pending - mine if current else pending | mine),
        extracted=state.extracted | mine,
        open=_open(state, extraction),
    )


def _open(state: Watermark, extraction: Extraction) -> dict[str, Hours]:
    mine = frozenset(extraction.hours)
    left = {
        batch: frozenset(h for h in hours - mine if (batch, h) not in extraction.finished)
        for batch, hours in state.open.items()
    }
    if extraction.batch:
        left[extraction.batch] = left.get(extraction.batch, NO_HOURS) | mine
    return {batch: hours for batch, hours in left.items() if hours}
