"""What is known of a table or file before there is a contract for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts.odcs.columns import RESERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_LONGEST = 63

#: So many rows are looked at.
SAMPLED = 10_000


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """A column as it was found.

    Attributes:
        name: What the contract would call it.
        source_name: What it is called in the source; a path in nested JSON.
        type: The contract's type for it.
        values: Its values in the sample, in that type.
        physical_type: The source's own type, where it says more than the contract's.
        is_inexact: Whether its exact numbers would be read as floating point.
        not_finite: How many of its numbers are NaN or infinite, which rejects their rows.
        transform: An expression by which it can be read at all.
        is_naive: Whether its times have no zone.
        not_null: Whether the source refuses null.
        key: Its position in the key, from 1; 0 if it is none of it.
        description: What the source says of it.
    """

    name: str
    source_name: str
    type: str
    values: pl.Series
    physical_type: str = ""
    is_inexact: bool = False
    not_finite: int = 0
    transform: str | None = None
    is_naive: bool = False
    not_null: bool = False
    key: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that no contract can have.

    Attributes:
        source_name: What it is called in the source.
        why: What is in it instead of values of a contract's type.
    """

    source_name: str
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A table or file.

    Attributes:
        stream: What the stream is to be called.
        origin: The table, or the file's name.
        source_table: Its table, as SQL writes it; the stream's name for a file.
        columns: Its columns.
        is_sample: Whether there are more rows than were looked at.
        left_out: What else is there, and cannot be a column.
    """

    stream: str
    origin: str
    source_table: str
    columns: tuple[DraftColumn, ...]
    is_sample: bool
    left_out: tuple[LeftOut, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return len(self.columns[0].values) if self.columns else 0


def column_names(source_names: Sequence[str]) -> list[str]:
    """What a contract would call columns: snake_case, each once, none of the platform's own."""
    names: list[str] = []
    for source_name in source_names:
        words = _NO_WORD.sub("_", _HUMP.sub("_", source_name).lower()).strip("_")
        name = words if words[:1].isalpha() else f"column_{words}".rstrip("_")
        name = f"{name}_value" if name in RESERVED else name
        name, number = name[: _LONGEST - 4], 2
        first = name
        while name in names:
            name, number = f"{first}_{number}", number + 1
        names.append(name)
    return names
