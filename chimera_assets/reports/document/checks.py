"""What is asked of every part of a document."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

#: Names of tables and charts name files and sheets, too.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class DocumentError(ChimeraError):
    """A document that no report can be made of.

    Args:
        where: The part of the document.
        expected: What that part has to be.
        found: What it is.
    """

    def __init__(self, where: str, *, expected: str, found: object) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}")


def named(where: str, name: str) -> None:
    """Refuse what cannot name a file."""
    if not _NAME.fullmatch(name):
        raise DocumentError(
            where, expected="small letters, digits and _, at most 63, as name", found=repr(name)
        )


def unique(where: str, what: str, names: Iterable[str]) -> None:
    """Refuse a name that stands twice."""
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise DocumentError(where, expected=f"different {what}", found=f"{twice[0]} twice")


def in_utc(where: str, time: datetime) -> None:
    """Refuse a time of another zone, or of none."""
    if time.utcoffset() != timedelta(0):
        raise DocumentError(where, expected="a time in UTC", found=time.isoformat())
