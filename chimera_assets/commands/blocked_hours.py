"""The hours that their gate blocked, and the commands that show why, for `chimera status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.terminal import notes
from chimera_assets.errors import counted, in_short
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import parse_range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.contracts import Contract


def blocked_hours(contract: Contract, judged: pl.DataFrame) -> dict[str, Any]:
    """A stream's blocked hours, as `status --json` has them.

    Args:
        contract: The contract of the stream or reference table.
        judged: The newest row of `quality/batches` of each of its hours. A reference table, which
            has none, stands there under the hours in which it was judged: the last one counts.
    """
    if contract.kind != "stream":
        judged = judged.sort("judged_at").tail(1)
    found = judged.filter(~pl.col("published"))
    blocked = [str(part) for part in ranges(hour_starts(found))]
    return {"blocked_hours": found.height, "blocked": blocked}


def print_blocked_hours(streams: Iterable[dict[str, Any]]) -> None:
    """A line for each that is blocked, with the commands that show the rows and their reasons."""
    for stream in streams:
        if not stream["blocked"]:
            continue
        name = stream["stream"]
        if stream["kind"] == "stream":
            hours = counted(stream["blocked_hours"], "hour")
            commands = in_short([_command(name, hours) for hours in stream["blocked"]])
        else:
            hours, commands = "all of it", _command(name)
        said = f"{name}: {hours} blocked, as too many rows broke a rule; see them by {commands}"
        notes().print(said, markup=False, soft_wrap=True)


def _command(stream: str, hours: str | None = None) -> str:
    chosen = ""
    if hours is not None:
        part = parse_range(hours)
        one = len(part) == 1
        chosen = f" --hour {part.start:%Y-%m-%dT%H}" if one else f" --hour {part}"
    return f"`{command_name()} quarantine list --stream {stream}{chosen}`"
