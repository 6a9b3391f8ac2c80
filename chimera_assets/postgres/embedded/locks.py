"""File locks that the kernel lets go of when their holder dies, however it dies.

A lock belongs to the open file, so a forked child keeps its parent's lock, and `kill -9` frees it.
That is why the server's users are counted with locks and not with a list of process ids.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RETRY_SECONDS = 0.02


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, which is made if missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_held(path: Path) -> bool:
    """Whether anybody holds the exclusive lock of this file."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def share(path: Path) -> int:
    """Take the shared lock of this file; closing the descriptor gives it back."""
    descriptor = open_lock(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def exclusive(path: Path, seconds: float) -> Iterator[None]:
    """Hold the exclusive lock of this file.

    Raises:
        TimeoutError: Somebody else held it for longer than `seconds`.
    """
    descriptor = open_lock(path)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    msg = f"{path} is locked by another process for more than {seconds:.0f} s"
                    raise TimeoutError(msg) from None
                time.sleep(_RETRY_SECONDS)
        yield
    finally:
        os.close(descriptor)
