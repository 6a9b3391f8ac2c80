"""Valid rows whose key occurs more than once, put by until all rows of an hour were seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake.bounded import MOST_BYTES
from chimera_assets.quality.duplicates import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.contracts import Contract

#: Where they are too many to be held in memory, those of one key come into one of so many parts.
_PARTS = 64


class Repeated:
    """Collects such rows, and gives all those of the same keys together.

    Args:
        contract: The contract of their stream.
        folder: An empty folder.
    """

    def __init__(self, contract: Contract, folder: Path) -> None:
        self._part = (fingerprint(contract) % _PARTS).alias("_part")
        self._folder = folder
        self._held: list[pl.DataFrame] = []
        self._held_bytes = self._spilled = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Put rows by."""
        if rows.is_empty():
            return
        self._held.append(rows)
        self._held_bytes += int(rows.estimated_size())
        if self._held_bytes > MOST_BYTES:
            self._spill()

    def groups(self) -> Iterator[pl.DataFrame]:
        """All rows, those of the same key in the same frame."""
        if not self._spilled:
            if self._held:
                yield pl.concat(self._held)
            return
        self._spill()
        for number in range(_PARTS):
            if files := sorted(self._folder.glob(f"{number}-*.arrow")):
                yield pl.concat(pl.read_ipc(file) for file in files)

    def _spill(self) -> None:
        if not self._held:
            return
        rows = pl.concat(self._held).with_columns(self._part)
        self._held, self._held_bytes = [], 0
        parts = rows.partition_by("_part", as_dict=True, include_key=False)
        for (number,), part in parts.items():
            part.write_ipc(self._folder / f"{number}-{self._spilled:08d}.arrow")
        self._spilled += 1
