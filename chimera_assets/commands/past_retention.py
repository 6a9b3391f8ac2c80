"""Saying that hours are past their retention, before somebody fills them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes
from chimera_assets.contracts import contracts
from chimera_assets.errors import counted
from chimera_assets.hours import floor_hour

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.hours import HourRange


def say_past_retention(hours: HourRange, now: datetime) -> None:
    """Say on the error stream of which streams the next upkeep deletes these hours again."""
    streams: dict[int, list[str]] = {}
    for contract in contracts().values():
        if contract.kind == "stream":
            streams.setdefault(contract.retention_days, []).append(contract.stream)
    for days, names in sorted(streams.items()):
        end = floor_hour(now - timedelta(days=days))
        past = sum(hour < end for hour in hours)
        if past:
            notes().print(
                f"{past:,} of {counted(len(hours), 'hour')} past the retention of "
                f"{', '.join(sorted(names))}, {days} d: the next upkeep deletes their rows "
                "(docs/upkeep.md).",
                markup=False,
                soft_wrap=True,
            )
