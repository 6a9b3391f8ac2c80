"""Folders for what a step puts by, gone when it ends, however it ends.

A process that was killed deletes nothing. So each folder is locked while it is used, as long as its
process lives, and whoever makes the next one deletes those that nobody holds any more.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "chimera-spool-"

#: Younger ones may have been made and not be locked yet.
_SURELY_LOCKED_SECONDS = 600

_kept = ExitStack()


@contextmanager
def spool_folder(what: str) -> Iterator[Path]:
    """An empty folder in the system's temporary folder (`TMPDIR`).

    Args:
        what: What it is for, a part of its name.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(
        prefix=f"{_PREFIX}{what}-", ignore_cleanup_errors=True
    ) as folder:
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_SH)
            yield Path(folder)
        finally:
            os.close(held)


def kept_spool_folder(what: str) -> Path:
    """The same until the process ends, or `delete_kept` is called."""
    atexit.register(delete_kept)
    return _kept.enter_context(spool_folder(what))


def delete_kept() -> None:
    """Delete the folders that were to be kept until the process ends."""
    _kept.close()


def _sweep(root: Path) -> None:
    """Delete the folders of processes of ours that are gone."""
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it may go at this moment, or be no folder
            _delete_if_free(folder)


def _delete_if_free(folder: Path) -> None:
    # Anybody may put anything of this name into a shared folder: what is not ours is let be, and
    # a link, or a pipe that keeps its opener waiting, is not opened.
    found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        told = os.fstat(found)
        if told.st_uid != os.geteuid() or time.time() - told.st_mtime <= _SURELY_LOCKED_SECONDS:
            return
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(found)
