"""Names that a file of a bundle may have: the same file on every system, and inside the bundle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of a name, and folders and file in it.
LONGEST, DEEPEST = 200, 5

_PART = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?")

#: What Windows takes for a device, whatever follows after a dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def odd_name(name: str) -> str | None:
    """What is wrong with a name, as words after "found"; None if nothing is."""
    parts = name.split("/")
    if len(name) > LONGEST or len(parts) > DEEPEST:
        return "one that is too long or too deep"
    if any(_PART.fullmatch(part) is None for part in parts):
        return "one with other characters, or no name below the bundle"
    if any(_DEVICE.fullmatch(part) for part in parts):
        return "the name of a device"
    return None


def twins(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are one file on some systems, or of which one is the other's folder."""
    found, known = [], dict[str, str]()
    for name in sorted(names, key=str.lower):  # a folder's name before those of what it has
        parts = name.lower().split("/")
        for length in range(1, len(parts) + 1):
            other = known.get("/".join(parts[:length]))
            if other is not None:
                found.append((other, name))
        known.setdefault(name.lower(), name)
    return found
