"""The part of `chimera status` about landing files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.commands.terminal import notes, print_table
from chimera_assets.contracts import contracts
from chimera_assets.layers import LANDING
from chimera_assets.sources.landing import FORMATS, FileLog

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from chimera_assets.sources.landing import Place


def landings(lake: Lake, place: Place) -> tuple[list[dict[str, Any]], list[str]]:
    """How each stream's files stand; and the folders that are of no stream, which nobody takes."""
    names = [contract.stream for contract in contracts().values() if contract.kind == "stream"]
    astray = [name for name in place.folders() if name not in names and name[0] not in "._"]
    return [_landing(lake, place, name) for name in names], astray


def _landing(lake: Lake, place: Place, stream: str) -> dict[str, Any]:
    file_log = FileLog.read(lake.table(LANDING, stream))
    new = [file for file in place.files(stream) if not file_log.has_seen(file)]
    taken = [entry for entry in file_log.entries if entry.state != "same"]
    return {
        "stream": stream,
        "files_taken": len(taken),
        "rows": sum(entry.rows for entry in taken),
        "malformed_lines": sum(entry.malformed for entry in taken),
        "corrupt_files": sum(entry.state == "corrupt" for entry in taken),
        "files_waiting": sum(file.format is not None for file in new),
        "files_of_other_kinds": sum(file.format is None for file in new),
        "last_taken": max((entry.taken for entry in taken), default=None),
    }


def print_landings(place: Place, landing: list[dict[str, Any]], astray: list[str]) -> None:
    """The landing place, where anything ever lay in it."""
    used = [one for one in landing if any(value for name, value in one.items() if name != "stream")]
    if used:
        names = [name for name in used[0] if name != "files_of_other_kinds"]
        print_table(
            [name.replace("_", " ") for name in names],
            ([one[name] for name in names] for one in used),
            title=f"Files in {place.root}",
        )
    for one in used:
        if others := one["files_of_other_kinds"]:
            kinds = ", ".join(FORMATS)
            notes().print(f"{one['stream']}: {others} files are none of {kinds}; not taken.")
    for name in astray:
        notes().print(f"{place.root}/{name}: no stream has this name; its files are not taken.")
