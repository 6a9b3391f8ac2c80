"""The batch checks, by name: what each needs of an hour's profile, and what it observes there.

An hour's profile is one row of statistics that add up: counts, sums, sums of squares, counts per
value. So a profile can be made of each record batch of a stream and merged, and 2,160 hours are
judged as quickly as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.rules import periods
from chimera_assets.contracts.rules.bounds import BOUNDS
from chimera_assets.contracts.rules.parameters import COLUMN, COLUMNS, COUNT
from chimera_assets.contracts.rules.row_checks import violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chimera_assets.contracts.model import Rule
    from chimera_assets.contracts.rules.parameters import Parameter

#: Profile columns that every contract has: rows of the hour; rows dropped as duplicates, which
#: only the caller can know, since they are found with the whole hour in hand.
ROWS, DUPLICATES = "rows", "duplicates"

#: How the names of profile columns with counts per value begin, and their type.
COUNTS = "counts:"
COUNTS_TYPE = pl.List(pl.Struct({"value": pl.String, "rows": pl.Int64}))

_NUMERIC = frozenset({"integer", "number", "boolean"})
_COUNTABLE = frozenset({"string", "boolean", "integer"})
_AT_LEAST = {"at_least_rows": COUNT.optional()}


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """A batch check.

    Attributes:
        statistics: The statistics it needs, as profile column -> what is added up over the rows
            (for `counts:` columns: the value whose rows are counted).
        observe: The number it observes, from the profile's columns; null if there is none.
        parameters: The parameters it has, by name.
        types: The column types it makes sense for; empty if it is about no column.
        dimension: The dimension of quality it measures, in the standard's words.
        custom: Whether a contract names it (the others come from the standard's metrics).
        bounds: The bounds on what is observed that it has by itself.
        examples: Texts of what is wrong, from the profile's columns; None if a number says it all.
    """

    statistics: Callable[[Rule], Mapping[str, pl.Expr]]
    observe: Callable[[Rule], pl.Expr]
    parameters: Mapping[str, Parameter]
    types: frozenset[str]
    dimension: str
    custom: bool = True
    bounds: Mapping[str, Any] = field(default_factory=dict)
    examples: Callable[[Rule], pl.Expr] | None = None


def _finite(rule: Rule) -> pl.Expr:
    values = pl.col(rule.column or "").cast(pl.Float64)
    return pl.when(values.is_finite()).then(values)


def _moments(rule: Rule) -> dict[str, pl.Expr]:
    return {
        f"count:{rule.column}": _finite(rule).is_not_null(),
        f"sum:{rule.column}": _finite(rule),
    }


def _moments_and_squares(rule: Rule) -> dict[str, pl.Expr]:
    return _moments(rule) | {f"squares:{rule.column}": _finite(rule) * _finite(rule)}


def _counts(rule: Rule) -> dict[str, pl.Expr]:
    return {f"{COUNTS}{rule.column}": pl.col(rule.column or "").cast(pl.String)}


def _broken(rule: Rule) -> dict[str, pl.Expr]:
    return {f"broken:{rule.name}": violation(rule.params["rule"], {})}


def _nothing(_: Rule) -> dict[str, pl.Expr]:
    return {}


def _mean(rule: Rule) -> pl.Expr:
    count = pl.col(f"count:{rule.column}")
    return pl.when(count > 0).then(pl.col(f"sum:{rule.column}") / count)


def _spread(rule: Rule) -> pl.Expr:
    """Population standard deviation; rounding can make the variance of equal values negative."""
    count = pl.col(f"count:{rule.column}")
    variance = pl.col(f"squares:{rule.column}") / count - _mean(rule) ** 2
    return pl.when(count > 0).then(variance.clip(lower_bound=0.0).sqrt())


def _share_of_each(rule: Rule) -> pl.Expr:
    """The largest value's share, unless only the smallest value's is out of bounds."""
    rows = pl.col(f"{COUNTS}{rule.column}").list.eval(pl.element().struct.field("rows"))
    total = rows.list.sum()
    largest = pl.when(total > 0).then(rows.list.max() / total)
    smallest = pl.when(total > 0).then(rows.list.min() / total)
    low, high = rule.params.get("min", 0.0), rule.params.get("max", 1.0)
    return pl.when((largest <= high) & (smallest < low)).then(smallest).otherwise(largest)


def _row_count(_: Rule) -> pl.Expr:
    return pl.col(ROWS).cast(pl.Float64)


def _in_unit(rows: pl.Expr, of: pl.Expr, rule: Rule) -> pl.Expr:
    if rule.params.get("unit") != "percent":
        return rows.cast(pl.Float64)
    return pl.when(of > 0).then(rows * 100.0 / of)


def _broken_rows(rule: Rule) -> pl.Expr:
    return _in_unit(pl.col(f"broken:{rule.name}"), pl.col(ROWS), rule)


def _duplicate_rows(rule: Rule) -> pl.Expr:
    return _in_unit(pl.col(DUPLICATES), pl.col(ROWS) + pl.col(DUPLICATES), rule)


def _periods(rule: Rule) -> dict[str, pl.Expr]:
    return {f"{COUNTS}{rule.name}": periods.as_text(rule)}


#: Every batch check.
BATCH_CHECKS: dict[str, BatchCheck] = {
    "mean": BatchCheck(_moments, _mean, BOUNDS | _AT_LEAST, _NUMERIC, "accuracy"),
    "spread": BatchCheck(_moments_and_squares, _spread, BOUNDS | _AT_LEAST, _NUMERIC, "accuracy"),
    "share_of_each": BatchCheck(
        _counts, _share_of_each, BOUNDS | _AT_LEAST, _COUNTABLE, "coverage"
    ),
    "periods": BatchCheck(
        _periods,
        lambda rule: periods.broken(pl.col(f"{COUNTS}{rule.name}")),
        {"end": COLUMN, "by": COLUMNS},
        frozenset({"date", "timestamp"}),
        "consistency",
        bounds={"max": 0},
        examples=lambda rule: periods.examples(pl.col(f"{COUNTS}{rule.name}")),
    ),
    "row_count": BatchCheck(_nothing, _row_count, {}, frozenset(), "coverage", custom=False),
    "broken_rows": BatchCheck(_broken, _broken_rows, {}, frozenset(), "coverage", custom=False),
    "duplicate_rows": BatchCheck(
        _nothing, _duplicate_rows, {}, frozenset(), "uniqueness", custom=False
    ),
}
