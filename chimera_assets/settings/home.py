"""The folder of all that is kept on this machine, closed to the machine's other users.

It holds rows, which may be prompts or personal data, and passwords. Everything below it is private
by that alone, whatever the umask made of it; what is in it is closed to others as well, for a home
that is given a group.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

#: The folder of the embedded server. What is in it is closed by itself, and a server that root runs
#: may be one of an older release, which reaches its data through it.
_SERVER = "postgres"

#: What we make in it. A folder that holds other things, too, is not only ours to close.
_SUBFOLDERS = frozenset({"dagster", "dbt", "lake", "landing", "logs", "metrics", _SERVER})


def make_home(home: Path) -> None:
    """Make the folder for our eyes alone, or close the one there is.

    One that others may read is as an older release made it, and is closed, which is said. What we
    make in it is closed to others, too. Left alone are a folder of somebody else, one that holds
    anything besides what we make, and the rights of a group: somebody chose that.

    Raises:
        OSError: The folder cannot be made.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        home.mkdir(mode=0o700)
    except FileExistsError:
        _close(home)


def _close(home: Path) -> None:
    found = home.stat()
    if found.st_uid != os.geteuid():
        return
    folders = list(os.scandir(home))
    if not {folder.name for folder in folders} <= _SUBFOLDERS:
        return
    if found.st_mode & stat.S_IRWXO:
        home.chmod(found.st_mode & stat.S_IRWXU)
        if folders:
            _log.warning(
                "%s: closed to other users, as it holds rows and passwords; it was %o; "
                "for a reader of your own, give it a group and `chmod 750`, which is kept",
                home,
                stat.S_IMODE(found.st_mode),
            )
    for folder in folders:
        if folder.name != _SERVER:
            _close_folder(home / folder.name)


def _close_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):  # it may go at this moment
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if ours and found.st_mode & stat.S_IRWXO:
            folder.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IRWXO)
