"""Which paths a server's socket can have."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

#: Linux allows 107 bytes in the path of a socket, macOS 103.
_LONGEST = 100
#: `unix_socket_directories` is a list, split at commas; keep to what never needs quoting.
_PLAIN = re.compile(r"[\w./+@=-]+", re.ASCII)


def fits(folder: Path) -> bool:
    """Whether a socket can be in a folder."""
    longest = len(os.fsencode(folder / ".s.PGSQL.5432"))
    return longest <= _LONGEST and _PLAIN.fullmatch(str(folder)) is not None


def usual_temporary(root: Path) -> Path:
    """The folder in /tmp that the socket of a server in `root` has, if nobody else has it.

    Not in `tempfile.gettempdir()`: whatever their TMPDIR, older releases look for it there.
    """
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return Path(f"/tmp/chimera-{os.getuid()}-{digest}")  # noqa: S108 - ownership is checked
