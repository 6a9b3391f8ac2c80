"""Files with private keys, for their user's eyes alone: a line a key, `PRIVATE+KEY+…`."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.keys import SigningKey
from chimera_assets.errors import ChimeraError
from chimera_assets.paths import regular_text, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MOST_BYTES = 100_000


class KeyFileError(ChimeraError):
    """Private keys cannot be had.

    Args:
        where: The file or the variable.
        problem: What was expected and found.
        remedy: What to do.
    """

    def __init__(self, where: object, problem: str, remedy: str) -> None:
        self.where = where
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{where}: {problem}; {remedy}")


def read_keys(path: Path) -> tuple[SigningKey, ...]:
    """The keys of a file, all of one name.

    Raises:
        FileNotFoundError: There is none.
        KeyFileError: It cannot be read, others may read it, or it has no such keys.
    """
    try:
        text = regular_text(path, _MOST_BYTES)
        _require_private(path)
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "no text"
        raise KeyFileError(
            path, f"expected a key file, found {found}", "name the file of the keys"
        ) from None
    return parse_keys(text, path)


def parse_keys(text: str, where: object) -> tuple[SigningKey, ...]:
    """The keys of a file's text.

    Raises:
        KeyFileError: They are none, of several names, or one is there twice.
    """
    lines = [line.strip() for line in text.splitlines()]
    given = [line for line in lines if line and not line.startswith("#")]
    remedy = "bring back the file as it was made"
    try:
        keys = tuple(map(SigningKey.parse, given))
    except MalformedError as error:
        raise KeyFileError(where, str(error), remedy) from None
    names = {key.verifier.name for key in keys}
    if len(names) != 1:
        found = ", ".join(sorted(names)) or "none"
        raise KeyFileError(where, f"expected keys of one name, found {found}", remedy)
    if len({key.verifier for key in keys}) != len(keys):
        raise KeyFileError(where, "expected each key once, found one twice", remedy)
    return keys


def write_keys(path: Path, keys: Iterable[SigningKey], header: str) -> None:
    """Write the file, whole or not at all.

    Args:
        path: Where.
        keys: The keys.
        header: Lines of comment for whoever opens it.

    Raises:
        KeyFileError: It cannot be written.
    """
    lines = "".join(f"{key.encode()}\n" for key in keys)
    try:
        write_private(path, (header + lines).encode())
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise KeyFileError(path, problem, "name a file that can") from None


def _require_private(path: Path) -> None:
    """Refuse a file that others may read; a group may, where somebody else has mounted it so.

    Raises:
        KeyFileError: Others may.
    """
    found = path.stat()
    others = 0o077 if found.st_uid == os.geteuid() else 0o007
    if stat.S_IMODE(found.st_mode) & others:
        problem = f"expected a file for its user alone, found mode {stat.S_IMODE(found.st_mode):o}"
        raise KeyFileError(path, problem, f"chmod 600 {path}; if others saw it, change the keys")
