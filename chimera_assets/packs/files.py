"""What the files of a pack may be: its own, such as end, and called so that all tools take it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.naming import NAME_IN_WORDS, is_name
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What dbt finds in the folders that it reads, and is looked at here; it would run a `.py`, too.
_OF_DBT = (".sql", ".yml", ".md")

#: How contract files end, and what may lie beside them.
CONTRACT_SUFFIX = ".odcs.yaml"
_BESIDE_CONTRACTS = "README.md"

#: How adapters' files end.
ADAPTER_SUFFIX = ".yaml"


def file_problems(folder: Path, parts: Iterable[str], of_dbt: Iterable[str]) -> Iterator[Problem]:
    """A problem for each file that is none, is not the pack's, or would be passed over.

    Args:
        folder: The pack's.
        parts: What is looked at in it, by name; may be missing.
        of_dbt: Those of them that dbt reads.
    """
    root = folder.resolve()
    in_dbt, contracts = {folder / name for name in of_dbt}, folder / "contracts"
    adapters = folder / "adapters"
    for path in (path for name in sorted(parts) for path in _below(folder / name)):
        found = _wrong(path, root)
        if found is not None:
            yield Problem(path, 1, "file of a pack", "a file or folder in the pack itself", found)
        elif not path.name.isprintable():
            yield Problem(path, 1, "name of a file", "UTF-8 that can be printed", repr(path.name))
        elif in_dbt & set(path.parents):
            yield from _dbt_problems(path)
        elif contracts in path.parents and not _is_of_contracts(path, contracts):
            expected = f"files NAME{CONTRACT_SUFFIX}, in the folder itself"
            yield Problem(path, 1, "contracts", expected, str(path.relative_to(contracts)))
        elif adapters in path.parents and not _is_adapter(path, adapters):
            expected = f"files NAME{ADAPTER_SUFFIX}, in the folder itself, {NAME_IN_WORDS}"
            yield Problem(path, 1, "adapters", expected, str(path.relative_to(adapters)))


def _dbt_problems(path: Path) -> Iterator[Problem]:
    """What is wrong with a file that dbt reads: its kind, or a name that becomes a table's."""
    if path.is_file() and path.suffix not in ("", *_OF_DBT):
        yield Problem(path, 1, "file for dbt", f"a file {' or '.join(_OF_DBT)}", path.name)
    elif (path.is_dir() or path.suffix == ".sql") and not is_name(path.stem):
        what = f"name of a {'folder' if path.is_dir() else 'model'}"
        yield Problem(path, 1, what, NAME_IN_WORDS, repr(path.stem))


def _is_of_contracts(path: Path, contracts: Path) -> bool:
    """Whether a file of the folder of contracts is one, or known to be none."""
    is_known = path.name.endswith(CONTRACT_SUFFIX) or path.name == _BESIDE_CONTRACTS
    return path.parent == contracts and path.is_file() and (is_known or path.name[0] == ".")


def _is_adapter(path: Path, adapters: Path) -> bool:
    is_named = path.suffix == ADAPTER_SUFFIX and is_name(path.stem)
    return path.parent == adapters and path.is_file() and (is_named or path.name[0] == ".")


def _wrong(path: Path, root: Path) -> str | None:
    """What a path is that may not be there; None if it may."""
    if path.is_symlink():
        try:
            to = path.resolve()
        except (OSError, RuntimeError):
            return "a link to itself"
        if not to.is_relative_to(root):
            return f"a link to {to}"
        if to.is_dir():  # which dbt goes into, and others do not
            return "a link to a folder"
        if not to.exists():
            return "a link to nothing"
    if not path.is_file() and not path.is_dir():
        return "something else, as a pipe or a device"
    return None


def _below(path: Path) -> Iterator[Path]:
    """A path and, if it is a folder, all that is in it, links not followed."""
    if not os.path.lexists(path):
        return
    yield path
    if path.is_dir() and not path.is_symlink():
        for folder, folders, files in os.walk(path):
            yield from (Path(folder) / name for name in sorted([*folders, *files]))
