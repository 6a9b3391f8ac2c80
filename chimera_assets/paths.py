"""Paths and files that a user names: what cannot be one is refused before anything is done with it.

Every path of a setting or a command passes here, so that what follows need not expect any of this.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from chimera_assets.errors import one_line

#: So much of a path is shown.
_SHOWN = 80


class UnusablePath(ValueError):  # noqa: N818 - it is one
    """What was found is no path that can be used; the message says what it is, and why not."""


def usable_path(given: str | Path) -> Path:
    """The absolute path of what a user gave, `~` expanded; nothing need be there.

    Raises:
        UnusablePath: The system cannot have a path like that, or lets us not see whether it does.
    """
    text = str(given)
    shown = one_line(text.encode("utf-8", "backslashreplace").decode(), _SHOWN)
    try:
        text.encode()
        path = Path(text).expanduser().absolute()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except UnicodeEncodeError:
        msg = f"{shown} (which is not UTF-8)"
        raise UnusablePath(msg) from None
    except RuntimeError:  # of expanduser
        msg = f"{shown} (there is no such user)"
        raise UnusablePath(msg) from None
    except OSError as error:
        msg = f"{shown} ({(error.strerror or str(error)).lower()})"
        raise UnusablePath(msg) from None
    except ValueError:  # of stat
        msg = f"{shown!r} (with a null character)"
        raise UnusablePath(msg) from None
    else:
        return path
    try:
        return Path(text).expanduser().absolute()
    except FileNotFoundError:
        msg = f"{shown} (below the working directory, which is gone)"
        raise UnusablePath(msg) from None


def regular_bytes(path: Path, most: int | None = None) -> bytes:
    """What is in a file.

    Args:
        path: The file.
        most: So many bytes it may have.

    Raises:
        OSError: It cannot be read, is larger, or is no file that ends: a named pipe, a device.
    """
    # Of a pipe that nobody writes to, opening alone would wait for ever.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "something else than a file")
        if most is not None and found.st_size > most:
            raise OSError(0, f"one of {found.st_size:,} bytes, more than {most:,}")
        with open(opened, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(opened)


def regular_text(path: Path, most: int | None = None) -> str:
    """What is in a file of UTF-8 text; see `regular_bytes`.

    Raises:
        OSError: It cannot be read, is larger, or is no file that ends: a named pipe, a device.
        UnicodeDecodeError: It is not UTF-8.
    """
    return regular_bytes(path, most).decode()


def make_private(folder: Path) -> None:
    """Make a folder for its user alone, and so those above it that are missing.

    Raises:
        OSError: It cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Write a file for its user's eyes alone, whole or not at all, in the place of what is there.

    Its folders are made if they are missing, for the user alone, too.

    Raises:
        OSError: It cannot be written.
    """
    make_private(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
