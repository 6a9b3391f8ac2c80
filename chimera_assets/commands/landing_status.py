"""The part of `chimera status` about landing files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.commands.terminal import notes, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import counted
from chimera_assets.layers import LANDING
from chimera_assets.sources.landing import FORMATS, FileLog

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from chimera_assets.sources.landing import Place

#: Not in the table: named in a line of its own, or deprecated.
_NOT_SHOWN = {"files_of_other_kinds", "files_taken", "last_taken"}


def landings(lake: Lake, place: Place) -> tuple[list[dict[str, Any]], list[str]]:
    """The state of each stream's files, and the folders that are of no stream."""
    names = [contract.stream for contract in contracts().values() if contract.kind == "stream"]
    astray = [name for name in place.folders() if name not in names and name[0] not in "._"]
    return [_landing(lake, place, name) for name in names], astray


def _landing(lake: Lake, place: Place, stream: str) -> dict[str, Any]:
    file_log = FileLog.read(lake.table(LANDING, stream))
    new = [file for file in place.files(stream) if not file_log.has_seen(file)]
    loaded = [entry for entry in file_log.entries if entry.state != "same"]
    last_loaded = max((entry.taken for entry in loaded), default=None)
    return {
        "stream": stream,
        "files_loaded": len(loaded),
        "rows": sum(entry.rows for entry in loaded),
        "malformed_lines": sum(entry.malformed for entry in loaded),
        "corrupt_files": sum(entry.state == "corrupt" for entry in loaded),
        "files_waiting": sum(file.format is not None for file in new),
        "files_of_other_kinds": sum(file.format is None for file in new),
        "last_loaded": last_loaded,
        # Deprecated names of the same; see docs/commands.md.
        "files_taken": len(loaded),
        "last_taken": last_loaded,
    }


def print_landings(place: Place, landing: list[dict[str, Any]], astray: list[str]) -> None:
    """The landing place, where anything ever lay in it."""
    used = [one for one in landing if any(value for name, value in one.items() if name != "stream")]
    if used:
        names = [name for name in used[0] if name not in _NOT_SHOWN]
        print_table(
            [name.replace("_", " ") for name in names],
            ([one[name] for name in names] for one in used),
            title=f"Files in {place.root}",
        )
    for one in used:
        if others := one["files_of_other_kinds"]:
            kinds = ", ".join(FORMATS)
            said = f"{counted(others, 'file')} of other kinds than {kinds}; not loaded."
            notes().print(f"{one['stream']}: {said}")
    for name in astray:
        notes().print(f"{place.root}/{name}: no stream has this name; its files are not taken.")
