"""The folders that settings name, and the file they may stand in: refused by their name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chimera_assets.errors import SettingError
from chimera_assets.paths import UnusablePath, regular_text, usable_path

if TYPE_CHECKING:
    from pathlib import Path


def folder_of(setting: str, given: str | Path) -> Path:
    """The absolute path of the folder that a setting gives, which need not be there.

    Raises:
        SettingError: It is no path that can be used, or a folder that this user may not read.
    """
    try:
        path = usable_path(given)
    except UnusablePath as error:
        raise SettingError(setting, expected="a path that can be used", found=error) from None
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        # What is in it would look as if it were not there.
        expected = "a folder that this user may read"
        raise SettingError(setting, expected=expected, found=f"{path} (permission denied)")
    return path


def require_readable(file: Path) -> None:
    """See that settings can be read from the file, if there is one.

    Raises:
        SettingError: They cannot.
    """
    try:
        text = regular_text(file)
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else f"no UTF-8 (byte {error.start})"
    else:
        if "\0" not in text:
            return
        found = "a null character"
    expected = "a file of settings that this user may read, in UTF-8"
    raise SettingError(str(file.absolute()), expected=expected, found=found) from None
