"""What the columns of some hours are like: counts, ranges, frequent values; added up by the frame.

Distinct values are counted by their smallest hashes (k minimum values, Bar-Yossef et al. 2002):
exactly up to `SKETCH` of them, beyond that by how densely the smallest ones lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.system_tables.column_profiles import COLUMN_PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chimera_assets.contracts import Column, Contract

#: Hashes that are kept of an hour's column; the standard error of the estimate is 3 % (1/√SKETCH).
SKETCH = 1_024

#: A column with more values than this in an hour has no top values.
_FEW = 20

#: Rows are looked at so many at a time, or so many bytes: it costs by the call as well.
_ROWS_AT_ONCE, _BYTES_AT_ONCE = 32_768, 8 * 1024 * 1024

#: From this level on, a column's values are not kept.
CLASSIFIED = "L2"

_HASHES = float(2**64)

_TIMES = {"timestamp": "%Y-%m-%dT%H:%M:%S%.6fZ", "date": "%Y-%m-%d"}
_RANGED = {"integer", "number", *_TIMES}
_LISTED = {"string", "integer", "boolean"}


class ColumnProfiles:
    """Profiles of some hours of a stream.

    Args:
        contract: The stream's contract.
    """

    def __init__(self, contract: Contract) -> None:
        hidden = contract.classified(CLASSIFIED)
        shown = [column for column in contract.columns if column.name not in hidden]
        self._contract = contract
        self._ranged = [one for one in shown if one.type in _RANGED]
        self._listed = [
            one for one in shown if one.type in _LISTED and one.name not in contract.key
        ]
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._frames: list[pl.DataFrame] = []
        self._values: list[pl.DataFrame] = []
        #: Of an hour that has come in frames of its own: what they add up to, and by column the
        #: largest hash that still matters.
        self._large: pl.DataFrame | None = None
        self._bounds: dict[str, int] = {}

    def add(self, rows: pl.DataFrame) -> None:
        """Let rows count that will be published."""
        self._waiting.append(rows)
        self._waiting_rows += rows.height
        self._waiting_bytes += int(rows.estimated_size())
        if self._waiting_rows >= _ROWS_AT_ONCE or self._waiting_bytes >= _BYTES_AT_ONCE:
            self._add_waiting()

    def _add_waiting(self) -> None:
        if not self._waiting_rows:
            return
        rows = pl.concat(self._waiting)
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        hours = rows.select(HOUR_COLUMNS).unique()
        if hours.height > 1 or self._large is None or self._large.row(0)[:2] != hours.row(0):
            self._end_large()
        made = self._profiled(rows, one_hour=hours.height == 1)
        wanted = [
            one
            for one in self._listed
            if one.name not in self._bounds and (made[f"s:{one.name}"].list.len() <= _FEW).any()
        ]
        self._values += _counted(rows, wanted, one_hour=hours.height == 1)
        if hours.height > 1:
            self._frames.append(made)
        else:
            self._add_large(made)

    def rows(self, run_id: str, now: datetime) -> pl.DataFrame:
        """The profiles of all hours that had rows, as rows of `COLUMN_PROFILES`."""
        self._add_waiting()
        self._end_large()
        if not self._frames:
            return pl.DataFrame(schema=COLUMN_PROFILES)
        merged = _merged(self._frames)
        parts = [self._of_column(merged, column) for column in self._contract.columns]
        said = {"run_id": run_id, "stream": self._contract.stream, "judged_at": now}
        there = pl.col("rows") - pl.col("nulls")
        # A value that hardly any other row has is no frequent one; it may be text about somebody.
        few = (pl.col("distinct") <= _FEW) & (2 * pl.col("distinct") <= there)
        return (
            pl.concat(parts)
            .join(
                self._top_values(), on=[*HOUR_COLUMNS, "column"], how="left", maintain_order="left"
            )
            .with_columns(
                pl.when(few).then("top_values"),
                **{name: pl.lit(value) for name, value in said.items()},
            )
            .select(pl.col(name).cast(kind) for name, kind in COLUMN_PROFILES.items())
            .sort(HOUR_COLUMNS, maintain_order=True)
            .collect()
        )

    def _profiled(self, rows: pl.DataFrame, *, one_hour: bool) -> pl.DataFrame:
        """A row an hour: `rows`; by column nulls (n:), hashes (s:), lowest (l:), highest (h:)."""
        exprs = [pl.len().cast(pl.Int64).alias("rows")]
        for column in self._contract.columns:
            value = pl.col(column.name)
            hashes = value.drop_nulls().hash(seed=0)
            if (bound := self._bounds.get(column.name)) is not None:
                hashes = hashes.filter(hashes < bound)
            sketch = hashes.unique().bottom_k(SKETCH)
            exprs.append(value.null_count().cast(pl.Int64).alias(f"n:{column.name}"))
            exprs.append((sketch.implode() if one_hour else sketch).alias(f"s:{column.name}"))
        for column in self._ranged:
            value = _finite(column)
            exprs += [value.min().alias(f"l:{column.name}"), value.max().alias(f"h:{column.name}")]
        if not one_hour:
            return rows.lazy().group_by(HOUR_COLUMNS).agg(exprs).collect()
        made = rows.lazy().select(exprs).collect()
        return rows.head(1).select(HOUR_COLUMNS).hstack(made)

    def _add_large(self, made: pl.DataFrame) -> None:
        self._large = made if self._large is None else _merged([self._large, made])
        for column in self._contract.columns:
            kept = self._large[f"s:{column.name}"].item()
            if len(kept) >= SKETCH:
                self._bounds[column.name] = kept.max()

    def _end_large(self) -> None:
        if self._large is not None:
            self._frames.append(self._large)
        self._large, self._bounds = None, {}

    def _top_values(self) -> pl.LazyFrame:
        """Hour columns, `column`, `top_values`."""
        counted = pl.concat([pl.DataFrame(schema=_VALUES), *self._values]).lazy()
        summed = counted.group_by(*HOUR_COLUMNS, "column", "value").agg(pl.col("rows").sum())
        return (
            summed.sort(["rows", "value"], descending=[True, False])
            .group_by(*HOUR_COLUMNS, "column", maintain_order=True)
            .agg(top_values=pl.struct("value", "rows"))
        )

    def _of_column(self, merged: pl.DataFrame, column: Column) -> pl.LazyFrame:
        lowest, highest = pl.lit(None, pl.String), pl.lit(None, pl.String)
        if column in self._ranged:
            lowest, highest = (_text(pl.col(f"{end}:{column.name}"), column) for end in "lh")
        return merged.lazy().select(
            *HOUR_COLUMNS,
            "rows",
            column=pl.lit(column.name),
            type=pl.lit(column.type_in_words),
            nulls=f"n:{column.name}",
            distinct=_distinct(pl.col(f"s:{column.name}")),
            lowest=lowest,
            highest=highest,
        )


#: How often values are there: `value` as text.
_VALUES = pl.Schema({**HOUR_TYPES, "column": pl.String(), "value": pl.String(), "rows": pl.Int64()})


def _merged(frames: list[pl.DataFrame]) -> pl.DataFrame:
    together = pl.concat(frames)
    if together.height == together.select(HOUR_COLUMNS).n_unique():
        return together
    names = together.columns
    return (
        together.group_by(HOUR_COLUMNS)
        .agg(
            pl.col([name for name in names if name == "rows" or name.startswith("n:")]).sum(),
            *(
                pl.col(name).list.explode().unique().bottom_k(SKETCH)
                for name in names
                if name.startswith("s:")
            ),
            *(pl.col(name).min() for name in names if name.startswith("l:")),
            *(pl.col(name).max() for name in names if name.startswith("h:")),
        )
        .select(names)
    )


def _counted(
    rows: pl.DataFrame, columns: Sequence[Column], *, one_hour: bool
) -> list[pl.DataFrame]:
    """How often each value of some columns is there in each hour: frames of `_VALUES`."""
    keys = [] if one_hour else [*HOUR_COLUMNS]
    plans = []
    for column in columns:
        each = rows.lazy().select(*keys, value=column.name).drop_nulls("value")
        counted = each.group_by(*keys, "value").agg(rows=pl.len())
        few = (pl.len().over(keys) if keys else pl.len()) <= _FEW
        plans.append(counted.filter(few).with_columns(column=pl.lit(column.name)))
    hour = dict(zip(HOUR_COLUMNS, rows.select(HOUR_COLUMNS).row(0), strict=True))
    said = {name: pl.lit(value) for name, value in hour.items()} if one_hour else {}
    return [
        made.with_columns(**said).select(pl.col(name).cast(kind) for name, kind in _VALUES.items())
        for made in pl.collect_all(plans)
    ]


def _finite(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    return value.filter(value.is_finite()) if column.polars_type.is_float() else value


def _text(value: pl.Expr, column: Column) -> pl.Expr:
    return value.dt.strftime(form) if (form := _TIMES.get(column.type)) else value.cast(pl.String)


def _distinct(sketch: pl.Expr) -> pl.Expr:
    """How many values there are, by their smallest hashes."""
    estimate = (SKETCH - 1) * _HASHES / sketch.list.max().cast(pl.Float64)
    full = sketch.list.len() >= SKETCH
    return pl.when(full).then(estimate.round()).otherwise(sketch.list.len()).cast(pl.Int64)
