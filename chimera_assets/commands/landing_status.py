"""The part of `chimera status` about landing files."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chimera_assets.commands.terminal import notes, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import counted
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import FORMATS, landing_state

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from chimera_assets.sources.landing import LandingState, Place

#: Not in the table: named in a line of its own, or deprecated.
_NOT_SHOWN = {"files_of_other_kinds", "files_taken", "in_no_hour", "last_taken", "no_files"}


def landings(lake: Lake, place: Place) -> tuple[list[dict[str, Any]], list[str]]:
    """The state of each stream's files, and the folders that are of no stream."""
    names = [contract.stream for contract in contracts().values() if contract.kind == "stream"]
    unknown = [name for name in place.folders() if name not in names and name[0] not in "._"]
    return [_entry(landing_state(lake, place, name)) for name in names], unknown


def _entry(state: LandingState) -> dict[str, Any]:
    # The last two are deprecated names of others; see docs/commands.md.
    return {
        **asdict(state),
        "files_taken": state.files_loaded,
        "last_taken": state.last_loaded,
    }


def in_no_hour(stream: str, rows: int) -> str:
    """What is to be said of landed rows that no hour takes."""
    return (
        f"{stream}: {counted(rows, 'landed row')} in hours before CHIMERA_START "
        f"({get_settings().start:%Y-%m-%dT%H:%MZ}), which are never run; set it earlier and run "
        "them, or quarantine them by `chimera landing reload` of their files."
    )


def print_landings(place: Place, landing: list[dict[str, Any]], unknown: list[str]) -> None:
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
        if rows := one["in_no_hour"]:
            notes().print(in_no_hour(one["stream"], rows), soft_wrap=True)
        for path, what in sorted(one["no_files"].items()):
            notes().print(f"{one['stream']}: {path} is {what}; not loaded.", soft_wrap=True)
    for name in place.loose_files():
        said = f"{place.root}/{name}: put it into the folder of its stream; not loaded."
        notes().print(said, markup=False, soft_wrap=True)
    for name in unknown:
        notes().print(f"{place.root}/{name}: no stream has this name; its files are not loaded.")
