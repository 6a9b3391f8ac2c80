"""Whether an account may pass through a folder, and letting it pass, it and nobody else.

`chmod o+x` would open a folder to every account of the machine. An entry in its access control list
(POSIX.1e, as Linux keeps it: `acl(5)`) opens it to one.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTE = "system.posix_acl_access"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHERS = 1, 2, 4, 8, 16, 32
#: Whose permissions the mask limits.
_MASKED = frozenset({_USER, _GROUP, _NAMED_GROUP})
_SEARCH = 1
#: Entries that name nobody have this id.
_NOBODY = 0xFFFFFFFF


def may_pass(folder: Path, uid: int, gid: int) -> bool:
    """Whether a user of this id, whose only group is `gid`, may pass through a folder."""
    found = folder.stat()
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    entries = _entries(folder)
    mask = entries.get((_MASK, _NOBODY), _SEARCH)
    if (_USER, uid) in entries:
        return bool(entries[_USER, uid] & mask & _SEARCH)
    if found.st_gid == gid:
        return bool(entries[_GROUP, _NOBODY] & mask & _SEARCH)
    return bool(entries[_OTHERS, _NOBODY] & _SEARCH)


def let_pass(folder: Path, uid: int) -> str:
    """Let a user pass through a folder, without listing it.

    Returns:
        The shell command that undoes it.

    Raises:
        OSError: The folder is not ours.
    """
    entries = _entries(folder)
    mask = entries.get((_MASK, _NOBODY), entries[_GROUP, _NOBODY])
    for tag, who in entries:  # a wider mask would bring to life what the one so far took away
        if tag in _MASKED:
            entries[tag, who] &= mask
    entries[_USER, uid] = _SEARCH
    entries[_MASK, _NOBODY] = mask | _SEARCH
    kept = b"".join(_ENTRY.pack(tag, may, who) for (tag, who), may in sorted(entries.items()))
    try:
        os.setxattr(folder, _ATTRIBUTE, _VERSION.pack(2) + kept)
    except (OSError, AttributeError):  # a file system, or a system, without such lists
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
        return f"chmod o-x {folder}"
    return f"setfacl -x u:{uid} {folder}"


def _entries(folder: Path) -> dict[tuple[int, int], int]:
    """The list's permissions by kind of entry and id; those of the mode if there is no list."""
    try:
        kept = os.getxattr(folder, _ATTRIBUTE)
    except (OSError, AttributeError):
        mode = folder.stat().st_mode
        return {
            (_OWNER, _NOBODY): mode >> 6 & 7,
            (_GROUP, _NOBODY): mode >> 3 & 7,
            (_OTHERS, _NOBODY): mode & 7,
        }
    return {(tag, who): may for tag, may, who in _ENTRY.iter_unpack(kept[_VERSION.size :])}
