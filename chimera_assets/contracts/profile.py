"""An hour's profile, and what the batch rules say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from chimera_assets.contracts.batch_checks import BATCH_CHECKS, COUNTS_TYPE, DUPLICATES, ROWS
from chimera_assets.contracts.bounds import within
from chimera_assets.hours import HOUR_COLUMNS, partition_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandera.api.polars.types import PolarsData

    from chimera_assets.contracts.model import Contract, Rule
    from chimera_assets.hours import HourRange

_HOUR_TYPES: dict[str, Any] = {"hour_partition": pl.Date(), "hour": pl.Int32()}


def profile_exprs(contract: Contract) -> list[pl.Expr]:
    """The aggregations that make a profile: for `group_by("hour_partition", "hour").agg(...)`.

    Rows rejected by the row rules should be left out first. `duplicates` is 0 here; whoever drops
    duplicates puts their number in (`profile.with_columns(duplicates=...)`) before judging.
    """
    wanted: dict[str, pl.Expr] = {
        ROWS: pl.len().cast(pl.Int64),
        DUPLICATES: pl.lit(0, dtype=pl.Int64),
    }
    for rule in contract.batch_rules:
        wanted |= BATCH_CHECKS[rule.check].statistics(rule)
    return [expr.alias(name) for name, expr in wanted.items()]


def make_profile(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """The profile of the hours in a frame: a row each; of a reference table, one row in all."""
    hours = [name for name in HOUR_COLUMNS if name in frame.columns]
    exprs = profile_exprs(contract)
    made = frame.group_by(hours).agg(exprs) if hours else _whole(frame, exprs)
    return _typed(contract, made, hours)


def _whole(frame: pl.DataFrame, exprs: list[pl.Expr]) -> pl.DataFrame:
    """One row even for an empty frame, which a `group_by` would leave out."""
    if frame.is_empty():
        return pl.DataFrame({ROWS: [0]})
    return frame.group_by(pl.lit(1).alias("all")).agg(exprs).drop("all")


def empty_profile(contract: Contract, hours: HourRange) -> pl.DataFrame:
    """A profile of no rows for each hour; merge it in so that silent hours are judged too."""
    values = [partition_values(hour) for hour in hours]
    frame = pl.DataFrame(values, schema=_HOUR_TYPES, orient="row")
    return _typed(contract, frame, list(HOUR_COLUMNS))


def merge_profiles(contract: Contract, profiles: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One profile of several, added up hour by hour, sorted by hour."""
    together = pl.concat(list(profiles), how="vertical")
    hours = [name for name in HOUR_COLUMNS if name in together.columns]
    keys = hours or [pl.lit(1).alias("all")]
    counted = [name for name in together.columns if name.startswith("counts:")]
    added = [name for name in together.columns if name not in (*hours, *counted)]
    merged = together.group_by(keys).agg(pl.col(added).sum())
    for name in counted:
        merged = merged.join(_merged_counts(together, keys, name), on=hours or ["all"], how="left")
    return _typed(contract, merged, hours).sort(hours or ROWS)


def _merged_counts(together: pl.DataFrame, keys: list[Any], name: str) -> pl.DataFrame:
    each = together.select(*keys, name).explode(name).unnest(name).drop_nulls("value")
    names = [column for column in each.columns if column not in ("value", "rows")]
    totals = each.group_by(*names, "value").agg(pl.col("rows").sum())
    return totals.group_by(names).agg(pl.struct("value", "rows").alias(name))


def _typed(contract: Contract, frame: pl.DataFrame, hours: list[str]) -> pl.DataFrame:
    """All of a profile's columns in their types, those that are missing as zeros."""
    columns = [pl.col(name).cast(_HOUR_TYPES[name]) for name in hours]
    for name, kind in _statistic_types(contract).items():
        if name not in frame.columns:
            empty: object = [] if kind == COUNTS_TYPE else 0
            columns.append(pl.lit(empty, dtype=kind).alias(name))
        elif kind == COUNTS_TYPE:
            columns.append(_counts_typed(name))
        else:
            columns.append(pl.col(name).cast(kind).fill_null(0))
    return frame.select(columns)


def _counts_typed(name: str) -> pl.Expr:
    """`value_counts` names its first field after the column; a merge needs one name."""
    fields = pl.element().struct.rename_fields(["value", "rows"])
    return pl.col(name).list.eval(fields).cast(COUNTS_TYPE).fill_null([])


def _statistic_types(contract: Contract) -> dict[str, Any]:
    types: dict[str, Any] = {ROWS: pl.Int64(), DUPLICATES: pl.Int64()}
    by_prefix = {"count": pl.Int64(), "broken": pl.Int64(), "counts": COUNTS_TYPE}
    for rule in contract.batch_rules:
        for name in BATCH_CHECKS[rule.check].statistics(rule):
            types[name] = by_prefix.get(name.split(":")[0], pl.Float64())
    return types


def observed(rule: Rule) -> pl.Expr:
    """The number that a batch rule is about, as an expression over the profile."""
    return BATCH_CHECKS[rule.check].observe(rule).cast(pl.Float64)


def batch_violation(rule: Rule) -> pl.Expr:
    """True where an hour breaks a batch rule; never null.

    An hour with nothing to observe, or with fewer rows than the rule asks for, breaks nothing.
    """
    enough = pl.col(ROWS) >= rule.params.get("at_least_rows", 0)
    return (enough & ~within(observed(rule), rule.params)).fill_null(value=False)


def batch_schema(contract: Contract) -> pa.DataFrameSchema:
    """The Pandera schema over profile frames: one check a batch rule, named after it."""
    checks = [_check(rule) for rule in contract.batch_rules]
    return pa.DataFrameSchema({ROWS: pa.Column(pl.Int64, checks=checks)}, name=contract.stream)


def _check(rule: Rule) -> pa.Check:
    def holds(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~batch_violation(rule))

    return pa.Check(holds, name=rule.name, error=rule.name, ignore_na=False)


def batch_violations(contract: Contract, profile: pl.DataFrame) -> pl.DataFrame:
    """What the batch rules say of each hour.

    Args:
        contract: The contract.
        profile: As `make_profile` or `merge_profiles` make it, duplicates filled in.

    Returns:
        A row an hour and rule: hour_partition, hour (where the profile has them), rule,
        observed (Float64, null if there was nothing to observe), passed (Boolean).
    """
    hours = [name for name in HOUR_COLUMNS if name in profile.columns]
    failed = _failed(contract, profile)
    rules: list[pl.DataFrame] = []
    for rule in contract.batch_rules:
        found = profile.select(
            *hours,
            pl.lit(rule.name).alias("rule"),
            observed(rule).alias("observed"),
            (~pl.int_range(pl.len()).is_in(failed.get(rule.name, []))).alias("passed"),
        )
        rules.append(found)
    if not rules:
        kinds = {name: _HOUR_TYPES[name] for name in hours}
        return pl.DataFrame(
            schema=kinds | {"rule": pl.String, "observed": pl.Float64, "passed": pl.Boolean}
        )
    return pl.concat(rules)


def _failed(contract: Contract, profile: pl.DataFrame) -> Mapping[str, list[int]]:
    """Rule name -> the positions of the hours that Pandera found breaking it."""
    try:
        batch_schema(contract).validate(profile, lazy=True)
    except SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases
        if cases["index"].null_count():
            raise  # the profile is malformed: a defect of the caller
        by_rule = cases.group_by("check").agg("index")
        return dict(by_rule.iter_rows())
    return {}
