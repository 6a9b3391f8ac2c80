"""The packs that are used: found by name, read, and fitting together."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.errors import SettingError
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.models import model_problems
from chimera_assets.packs.pack import PACK_FILE, read_pack
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import Problem, one_of, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.packs.pack import Pack

#: The packs that come with the package.
SHIPPED_PACKS = Path(__file__).parent

_NAMES, _FOLDERS = "CHIMERA_PACKS", "CHIMERA_PACKS_DIR"


@lru_cache(maxsize=1)
def active_packs() -> tuple[Pack, ...]:
    """The packs of this process, in the order of `CHIMERA_PACKS`.

    Raises:
        PackError: A pack cannot be used, needs one that is not used, or claims another's model.
        SettingError: There is no such pack, or it is in two places.
    """
    names = get_settings().pack_names
    packs = read_packs([pack_folder(name) for name in names])
    if problems := [*requirement_problems(packs), *model_problems(packs)]:
        raise PackError(problems)
    return packs


def read_packs(folders: Sequence[Path]) -> tuple[Pack, ...]:
    """Read packs.

    Raises:
        PackError: One of them cannot be used; holds the problems of all.
    """
    packs, problems = readable_packs(folders)
    if problems:
        raise PackError(problems)
    return tuple(packs)


def readable_packs(folders: Sequence[Path]) -> tuple[list[Pack], list[Problem]]:
    """Read the packs that can be used; gives the problems of the others, too."""
    packs: list[Pack] = []
    problems: list[Problem] = []
    for folder in folders:
        try:
            packs.append(read_pack(folder))
        except PackError as error:
            problems.extend(error.problems)
    return packs, problems


def known_packs(making: Path | None = None) -> dict[str, list[Path]]:
    """Name -> the folders of that name, of every pack that there is.

    Args:
        making: A folder of packs that is going to be made, and need not be there.

    Raises:
        SettingError: CHIMERA_PACKS_DIR names no folder of packs.
    """
    found: dict[str, list[Path]] = {}
    for place in (SHIPPED_PACKS, *_own_places(making)):
        for path in sorted(place.iterdir()):
            if (path / PACK_FILE).is_file():
                found.setdefault(path.name, []).append(path)
    return found


def pack_folder(name: str) -> Path:
    """The folder of a pack.

    Raises:
        SettingError: There is no such pack, or it is in two places.
    """
    known = known_packs()
    if name not in known:
        places = ", ".join(map(str, (SHIPPED_PACKS, *_own_places())))
        found = f"{name}, of which there is no {PACK_FILE} in {places}"
        raise SettingError(_NAMES, expected=one_of(known, name), found=found)
    if len(known[name]) > 1:
        found = " and ".join(map(str, known[name]))
        raise SettingError(_FOLDERS, expected=f"one pack {name}", found=found)
    return known[name][0]


def requirement_problems(packs: Sequence[Pack]) -> Iterator[Problem]:
    """A problem for each pack that is required and not used."""
    names = {pack.name for pack in packs}
    for pack in packs:
        for position, name in enumerate(pack.requires):
            if name not in names:
                path = pack.folder / PACK_FILE
                line = read_document(path, "pack", PackError).line(("requires", position))
                found = f"{_NAMES}={','.join(sorted(names))}"
                yield Problem(path, line, "required pack", f"{name} in {_NAMES}", found)


def _own_places(making: Path | None = None) -> tuple[Path, ...]:
    named = get_settings().pack_folders
    places = tuple(place for place in named if place != making or place.exists())
    for place in places:
        if (place / PACK_FILE).is_file():
            found = f"{place}, which is a pack itself; name the folder above it"
            raise SettingError(_FOLDERS, expected="folders that hold packs", found=found)
        if not place.is_dir():
            found = f"{place} ({'no folder' if place.exists() else 'which is not there'})"
            raise SettingError(_FOLDERS, expected="folders that hold packs", found=found)
    return places
