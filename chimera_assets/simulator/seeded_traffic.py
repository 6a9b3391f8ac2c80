"""A pack's traffic for one seed: its lookup tables, and random choices by their weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.packs.traffic.tables import WEIGHT, table_column

if TYPE_CHECKING:
    from chimera_assets.packs.traffic import Traffic


@dataclass(frozen=True)
class SeededTraffic:
    """A pack's traffic for one seed.

    Attributes:
        traffic: What the pack says.
        seed: The same seed gives the same rows, another seed gives other rows.
        rows_per_hour: What the rows of an hour are counted by.
        tables: The lookup tables.
    """

    traffic: Traffic
    seed: int
    rows_per_hour: int
    tables: dict[str, pl.DataFrame] = field(init=False)

    def __post_init__(self) -> None:
        made = {name: _table(rows) for name, rows in self.traffic.tables.items()}
        object.__setattr__(self, "tables", made)

    def values(self, written: str) -> pl.Series:
        """The values of `table.column`, or of a table of weights."""
        table, column = table_column(written)
        return self.tables[table][column]

    def picked(self, table: str, thrown: pl.Expr, *, evenly: bool) -> pl.Expr:
        """For each random number the number of a row of the table, chosen by weight."""
        rows = self.tables[table]
        even = evenly or WEIGHT not in rows.columns
        weights = [1.0] * rows.height if even else rows[WEIGHT].to_list()
        total = sum(weights)
        bounds = pl.Series([bound / total for bound in accumulate(weights)][:-1], dtype=pl.Float64)
        return pl.lit(bounds).search_sorted(thrown, side="right")


def _table(rows: tuple[dict[str, Any], ...]) -> pl.DataFrame:
    """A lookup table; lists of texts become texts joined by commas, as they are loaded."""
    return pl.DataFrame({name: _column([row[name] for row in rows]) for name in rows[0]})


def _column(values: list[Any]) -> pl.Series:
    if isinstance(values[0], list):
        values = [",".join(map(str, value)) for value in values]
    made = pl.Series(values, strict=False)
    return made.cast(pl.Datetime("us", "UTC")) if made.dtype == pl.Datetime else made
