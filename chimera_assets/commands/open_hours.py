"""The hours that streams have yet to take, and the commands that take them, for `chimera status`.

Pending hours are run by the sensor for late rows. Hours that were never taken nobody runs: they
ended while the daemon was not running, or before the first backfill began.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.terminal import notes
from chimera_assets.errors import counted, in_short
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hour_ranges import minus, ranges
from chimera_assets.hours import HourRange, floor_hour, parse_range
from chimera_assets.ingest.unfinished import unfinished
from chimera_assets.ingest.watermark import Watermark
from chimera_assets.ingest.watermark_commits import current_watermark
from chimera_assets.layers import LANDING
from chimera_assets.orchestration.first_hour import known_first_hour
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


def watermarks(lake: Lake, streams: Iterable[str]) -> dict[str, Watermark]:
    """The watermark of each stream, as the newest commit of raw says."""
    return {stream: current_watermark(lake, stream) or Watermark() for stream in streams}


def first_expected(known: Mapping[str, Watermark]) -> datetime | None:
    """The first hour that streams are expected to take; None if nobody can say."""
    taken = (hour for watermark in known.values() for hour in watermark.extracted)
    return known_first_hour() or min(taken, default=None)


def open_hours(  # noqa: PLR0913 - all that says which hours a stream is to take
    lake: Lake,
    contract: Contract,
    watermark: Watermark,
    first: datetime | None,
    now: datetime,
    *,
    has_table: bool = True,
) -> dict[str, Any]:
    """A stream's open hours, as `status --json` has them.

    Args:
        lake: The lake.
        contract: The stream's contract.
        watermark: Its watermark.
        first: See `first_expected`.
        now: The present.
        has_table: Whether it has a table at the source. Of one that lives from files these name
            the hours that have rows, and nothing is missing of others.
    """
    pending = watermark.pending | unfinished(lake, contract.stream, watermark)
    never = _never_taken(contract, watermark.extracted | pending, first, now)
    if not has_table and (files := _landed(lake, contract)) is not None:
        never = ranges(hour for part in never for hour in part if hour in files)
    return {
        "hours_pending": len(pending),
        "pending": [str(part) for part in ranges(pending)],
        "run_pending": [backfill_command(part) for part in ranges(pending)],
        "hours_never_taken": sum(map(len, never)),
        "never_taken": [str(part) for part in never],
        "run_never_taken": [backfill_command(part, [contract.stream]) for part in never],
    }


def _never_taken(
    contract: Contract, known: Iterable[datetime], first: datetime | None, now: datetime
) -> list[HourRange]:
    """The hours that have ended, and that are kept, of which nothing is known."""
    over = floor_hour(now - timedelta(minutes=get_settings().settle_minutes))
    kept = floor_hour(now - timedelta(days=contract.retention_days))
    if first is None or max(first, kept) >= over:
        return []
    return minus([HourRange(max(first, kept), over)], ranges(known))


def _landed(lake: Lake, contract: Contract) -> frozenset[datetime] | None:
    """The hours that files have brought rows of; None if the stream's table should be there."""
    table = lake.table(LANDING, contract.stream)
    if table.exists():
        return frozenset(table.rows_by_hour().select(HOUR_START).to_series())
    return frozenset() if contract.optional_at_source else None


def backfill_command(hours: HourRange, streams: Sequence[str] = ()) -> str:
    """The command that runs these hours, of these streams alone if any are named."""
    start, end = (f"{moment:%Y-%m-%dT%H}" for moment in (hours.start, hours.end))
    only = f" --stream {','.join(streams)}" if streams else ""
    return f"{command_name()} backfill --start {start} --end {end}{only}"


def print_open_hours(streams: Sequence[dict[str, Any]]) -> None:
    """A line for the streams that have the same hours open, with the commands that take them."""
    hourly = [stream for stream in streams if "pending" in stream]
    for of_kind, said in (
        ("pending", "pending; if no run is at work, run them by"),
        ("never_taken", "never taken; take them by"),
    ):
        for hours, names in _together(hourly, of_kind).items():
            parts = [parse_range(text) for text in hours]
            only = names if len(names) < len(hourly) else []
            commands = in_short([f"`{backfill_command(part, only)}`" for part in parts])
            count = counted(sum(map(len, parts)), "hour")
            line = f"{', '.join(names)}: {count} {said} {commands}"
            notes().print(line, markup=False, soft_wrap=True)


def _together(streams: Iterable[dict[str, Any]], of_kind: str) -> dict[tuple[str, ...], list[str]]:
    """Ranges of hours -> the streams that have just these open."""
    found: dict[tuple[str, ...], list[str]] = {}
    for stream in streams:
        if stream[of_kind]:
            found.setdefault(tuple(stream[of_kind]), []).append(stream["stream"])
    return found
