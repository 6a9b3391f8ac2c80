"""What a reader gives of a file, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

#: So many names that the contract does not have are noted of a file; the rest are like them.
UNKNOWN_NAMES = 100


@dataclass(slots=True)
class Parsed:
    """What a piece of a file holds.

    Attributes:
        rows: Columns of the contract, each in its type or as text, and `_line`.
        malformed: The lines that are no rows: number and text.
        unread: By column, the texts of values that no text of its type could be (an object, a
            duration), which are null in `rows`; null for all others.
    """

    rows: pl.DataFrame
    malformed: list[tuple[int, str]] = field(default_factory=list)
    unread: dict[str, pl.Series] = field(default_factory=dict)
