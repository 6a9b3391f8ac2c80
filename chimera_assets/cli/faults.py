"""What the machine refused, in one line: no right, no room, no such place."""

from __future__ import annotations

import errno
import sqlite3

from chimera_assets.errors import chain, one_line

_ROOM = "make room there, and run it again"
_RIGHT = "give this user the right to it, or name another place in the settings"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: _RIGHT,
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ENOTDIR: "name a path whose parents are folders",
    errno.ELOOP: "name a path whose links lead somewhere",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "the disk fails; see the system's log",
}
_SQLITE = {
    "SQLITE_FULL": _ROOM,
    "SQLITE_READONLY": _RIGHT,
    "SQLITE_CANTOPEN": _RIGHT,
    "SQLITE_IOERR": "is there room, and does the disk work? See the system's log",
}


def machine_fault(error: BaseException) -> str | None:
    """What the machine refused, with the remedy; None if the error is of another kind."""
    for one in chain(error):
        if isinstance(one, OSError) and one.errno in _REMEDIES:
            where = f"{one_line(str(one.filename), 200)}: " if one.filename else ""
            return one_line(f"{where}{one.strerror}; {_REMEDIES[one.errno]}", 500)
        if isinstance(one, sqlite3.Error):
            name = getattr(one, "sqlite_errorname", "")
            for kind, remedy in _SQLITE.items():
                if name.startswith(kind):
                    return one_line(f"Dagster's records in CHIMERA_HOME: {one}; {remedy}", 500)
    return None
