"""The hours that files have brought rows of, as the commits of `landing/<stream>` name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import HourRange, floor_hour, parse_key
from chimera_assets.ingest.watermark import Hours, Landed
from chimera_assets.lake.log_entries import commit_info
from chimera_assets.layers import LANDING
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import LANDED_HOURS

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.lake import Lake, Table


def landed(lake: Lake, stream: str, since: int, now: datetime) -> Landed:
    """What files have brought since a version of the landing table; nothing if there is none.

    Hours before CHIMERA_START are nobody's; the one that has not ended is left to the schedule.
    """
    table = lake.table(LANDING, stream)
    if not table.exists():
        return Landed()
    newest = table.version()
    commits: list[tuple[int, Hours]] = []
    for version in range(newest, since, -1):
        try:
            info = commit_info(table, version)
        except FileNotFoundError:  # the log no longer reaches so far back
            commits.append((version, _all(table)))
            break
        if LANDED_HOURS in info:
            keys = json.loads(info[LANDED_HOURS])
            commits.append((version, frozenset(map(parse_key, keys))))
    partitioned = frozenset(HourRange(get_settings().start, floor_hour(now)))
    return Landed(newest, tuple((version, hours & partitioned) for version, hours in commits))


def _all(table: Table) -> Hours:
    """Every hour that the landing table has rows of."""
    return frozenset(table.rows_by_hour().select(HOUR_START).to_series())
