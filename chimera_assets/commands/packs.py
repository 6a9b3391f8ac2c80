"""`chimera pack`: which packs there are, whether they can be used, and a new one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from chimera_assets.commands.problems import print_problems
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts.dbt_sources import SOURCES_FILE, dbt_sources
from chimera_assets.contracts.loader import contract_files, read_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.naming import NAME_IN_WORDS, is_name
from chimera_assets.pack_check import pack_problems
from chimera_assets.packs import PackError
from chimera_assets.packs.active import known_packs, pack_folder
from chimera_assets.packs.models import model_files
from chimera_assets.packs.pack import read_pack
from chimera_assets.packs.skeleton import skeleton
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chimera_assets.packs import Pack

#: Tables are named after the pack, with words added.
_LONGEST_NAME = 40

_COLUMNS = ("pack", "version", "title", "owner", "requires", "used", "streams", "models", "path")


def show_list(*, as_json: bool) -> int:
    """Print every pack that there is, whether it is used, and of a broken one what is wrong."""
    entries = [_entry(folder) for found in known_packs().values() for folder in found]
    if as_json:
        print_json(entries)
        return 0
    print_table(_COLUMNS, ([_cell(entry[name]) for name in _COLUMNS] for entry in entries))
    for entry in entries:
        if entry["problem"] is not None:
            words = f"{entry['pack']} is broken: {entry['problem']}"
            notes().print(words, markup=False, soft_wrap=True)
    return 0


def _entry(folder: Path) -> dict[str, object]:
    """What is told of a pack; of one that cannot be read little else than why."""
    try:
        return {**_told(read_pack(folder)), "problem": None}
    except PackError as error:
        nothing = dict.fromkeys(_COLUMNS)
        used = folder.name in get_settings().pack_names
        known = {"pack": folder.name, "used": used, "path": str(folder)}
        return {**nothing, **known, "problem": str(error)}


def _told(pack: Pack) -> dict[str, object]:
    return {
        "pack": pack.name,
        "version": pack.version,
        "title": pack.title,
        "owner": pack.owner,
        "requires": list(pack.requires),
        "used": pack.name in get_settings().pack_names,
        "streams": len(list(contract_files(pack.contract_folders))),
        "models": len(model_files(pack)),
        "path": str(pack.folder),
    }


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or None if isinstance(value, list) else value


def check(folders: Sequence[Path]) -> int:
    """Print every problem of packs, by file and line; 1 if one keeps a pack from use.

    Args:
        folders: The folders of packs; none means the packs of this process.
    """
    asked = list(folders) or [pack_folder(name) for name in get_settings().pack_names]
    for folder in asked:
        if not folder.is_dir():
            msg = f"{folder}: expected the folder of a pack, found none"
            raise ArgumentError(msg)
    return print_problems(pack_problems([folder.absolute() for folder in asked]))


def new(name: str, place: Path) -> int:
    """Write a small pack that works, to be changed into one's own.

    Raises:
        ArgumentError: The name cannot be a pack's, there is such a folder, or none can be written.
    """
    folder = place.absolute() / name
    if not is_name(name):
        msg = f"NAME: expected {NAME_IN_WORDS}; found {name}"
        raise ArgumentError(msg)
    if len(name) > _LONGEST_NAME:
        msg = f"NAME: expected at most {_LONGEST_NAME} letters, found {len(name)}"
        raise ArgumentError(msg)
    taken = [folder] if folder.exists() else known_packs(making=folder.parent).get(name)
    if taken:
        msg = (
            f"NAME: expected one that is not taken, found {name}, which is in {taken[0]}; nothing "
            "was written: choose another name, or change the files there"
        )
        raise ArgumentError(msg)
    try:
        for path, content in skeleton(name).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        found = f"{error.filename or folder}: {error.strerror}"
        msg = f"--in: expected a folder that can be written, found {found}"
        raise ArgumentError(msg) from None
    made = dbt_sources(read_contracts([folder / "contracts"]).values())
    (folder / SOURCES_FILE).write_text(made, encoding="utf-8")
    out().print(f"{folder} written. Use it by", markup=False, soft_wrap=True)
    used = ",".join(dict.fromkeys((*get_settings().pack_names, name)))
    out().print(f"  CHIMERA_PACKS={used} CHIMERA_PACKS_DIR={folder.parent}", soft_wrap=True)
    return 0
