"""Files that a command is asked to write: what cannot be one is refused before anything is done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from pathlib import Path


def require_new(path: Path) -> None:
    """Refuse a file that is there already, or whose folder is not.

    Raises:
        ArgumentError: It cannot be made.
    """
    if os.path.lexists(path):
        msg = f"{path}: expected no such file, found one; name another"
        raise ArgumentError(msg)
    require_folder(path)


def require_folder(path: Path) -> None:
    """Refuse a file whose folder is not there: it is mistyped more often than meant to be made.

    Raises:
        ArgumentError: It is not, or is none.
    """
    if not path.parent.is_dir():
        msg = f"{path}: expected a file in a folder that is there, found no such folder"
        raise ArgumentError(msg)
