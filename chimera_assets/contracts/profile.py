"""An hour's profile, and what the batch rules say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.rules.batch_checks import (
    BATCH_CHECKS,
    COUNTS,
    COUNTS_TYPE,
    DUPLICATES,
    ROWS,
)
from chimera_assets.contracts.rules.bounds import within
from chimera_assets.contracts.schema import named_check
from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.hours import HOUR_COLUMNS, partition_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandera.polars as pa

    from chimera_assets.contracts.model import Contract, Rule
    from chimera_assets.hours import HourRange

_TEXTS = pl.List(pl.String)

#: The one group of a frame without hours.
_ALL = "_all"


def profile_exprs(contract: Contract) -> list[pl.Expr]:
    """The aggregations that make a profile: for `group_by("hour_partition", "hour").agg(...)`.

    Rows rejected by the row rules should be left out first. `duplicates` is 0 here; whoever drops
    duplicates puts their number in (`profile.with_columns(duplicates=...)`) before judging.
    """
    rows = [pl.len().cast(pl.Int64).alias(ROWS), pl.lit(0, dtype=pl.Int64).alias(DUPLICATES)]
    types = _statistic_types(contract)
    return rows + [
        _counted(expr).alias(name)
        if name.startswith(COUNTS)
        else expr.sum().cast(types[name]).alias(name)
        for name, expr in _statistics(contract).items()
    ]


def _statistics(contract: Contract) -> dict[str, pl.Expr]:
    """Everything that is added up or counted over the rows, once each."""
    wanted: dict[str, pl.Expr] = {}
    for rule in contract.batch_rules:
        wanted |= BATCH_CHECKS[rule.check].statistics(rule)
    return wanted


def _counted(value: pl.Expr) -> pl.Expr:
    counts = value.drop_nulls().value_counts(name="rows")
    return counts.struct.rename_fields(["value", "rows"])


def make_profile(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """The profile of the hours in a frame: a row each; of a reference table, one row in all.

    The same as `profile_exprs` give, several times faster: what is added up is worked out first,
    so that the aggregations are plain sums, and values are counted by a grouping of their own.
    """
    hours = [name for name in HOUR_COLUMNS if name in frame.columns]
    if not hours and frame.is_empty():
        return _typed(contract, pl.DataFrame({ROWS: [0]}), hours)
    keyed = frame.lazy() if hours else frame.lazy().with_columns(pl.lit(1).alias(_ALL))
    keys = hours or [_ALL]
    statistics = _statistics(contract)
    counted = [name for name in statistics if name.startswith(COUNTS)]
    added = {name: expr for name, expr in statistics.items() if name not in counted}
    plans = [_added(keyed, keys, added)]
    plans += [_values(keyed, keys, name, statistics[name]) for name in counted]
    made, *counts = pl.collect_all(plans)
    for one in counts:
        made = made.join(one, on=keys, how="left")
    return _typed(contract, made, hours)


def _added(keyed: pl.LazyFrame, keys: list[str], added: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    prepared = keyed.select(*keys, **added)
    return prepared.group_by(keys).agg(pl.len().alias(ROWS), pl.col(list(added)).sum())


def _values(keyed: pl.LazyFrame, keys: list[str], name: str, value: pl.Expr) -> pl.LazyFrame:
    each = keyed.select(*keys, value=value).group_by(*keys, "value").agg(pl.len().alias("rows"))
    listed = pl.struct("value", "rows").alias(name)
    return each.drop_nulls("value").group_by(keys).agg(listed)


def empty_profile(contract: Contract, hours: HourRange) -> pl.DataFrame:
    """A profile of no rows for each hour; merge it in so that silent hours are judged too."""
    values = [partition_values(hour) for hour in hours]
    frame = pl.DataFrame(values, schema=HOUR_TYPES, orient="row")
    return _typed(contract, frame, list(HOUR_COLUMNS))


def merge_profiles(contract: Contract, profiles: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One profile of several, added up hour by hour, sorted by hour."""
    together = pl.concat(list(profiles), how="vertical")
    hours = [name for name in HOUR_COLUMNS if name in together.columns]
    together = together if hours else together.with_columns(pl.lit(1).alias(_ALL))
    keys = hours or [_ALL]
    counted = [name for name in together.columns if name.startswith(COUNTS)]
    merged = together.group_by(keys).agg(pl.exclude(*keys, *counted).sum())
    for name in counted:
        merged = merged.join(_merged_counts(together, keys, name), on=keys, how="left")
    return _typed(contract, merged, hours).sort(hours or ROWS)


def _merged_counts(together: pl.DataFrame, keys: list[str], name: str) -> pl.DataFrame:
    each = together.select(*keys, name).explode(name).unnest(name).drop_nulls("value")
    totals = each.group_by(*keys, "value").agg(pl.col("rows").sum())
    return totals.group_by(keys).agg(pl.struct("value", "rows").alias(name))


def _typed(contract: Contract, frame: pl.DataFrame, hours: list[str]) -> pl.DataFrame:
    """All of a profile's columns in their types, those that are missing as zeros."""
    columns = [pl.col(name).cast(HOUR_TYPES[name]) for name in hours]
    for name, kind in _statistic_types(contract).items():
        if name not in frame.columns:
            empty: object = [] if kind == COUNTS_TYPE else 0
            columns.append(pl.lit(empty, dtype=kind).alias(name))
        elif kind == COUNTS_TYPE:
            columns.append(pl.col(name).cast(kind).fill_null([]))
        else:
            columns.append(pl.col(name).cast(kind).fill_null(0))
    return frame.select(columns)


def _statistic_types(contract: Contract) -> dict[str, Any]:
    types: dict[str, Any] = {ROWS: pl.Int64(), DUPLICATES: pl.Int64()}
    by_prefix = {"count": pl.Int64(), "broken": pl.Int64(), "counts": COUNTS_TYPE}
    for name in _statistics(contract):
        types[name] = by_prefix.get(name.split(":")[0], pl.Float64())
    return types


def observed(rule: Rule) -> pl.Expr:
    """The number that a batch rule is about, as an expression over the profile."""
    return BATCH_CHECKS[rule.check].observe(rule).cast(pl.Float64)


def batch_violation(rule: Rule) -> pl.Expr:
    """True where an hour breaks a batch rule; never null.

    An hour with nothing to observe, or with fewer rows than the rule asks for, breaks nothing.
    """
    least: int = rule.params.get("at_least_rows", 0)
    enough = pl.col(ROWS) >= least
    bounds = {**BATCH_CHECKS[rule.check].bounds, **rule.params}
    return (enough & ~within(observed(rule), bounds)).fill_null(value=False)


def batch_schema(contract: Contract) -> pa.DataFrameSchema:
    """The Pandera schema over profile frames: one check a batch rule, named after it."""
    import pandera.polars as pa  # noqa: PLC0415 - heavy, and most readers of contracts judge nothing

    checks = [named_check(rule.name, ~batch_violation(rule)) for rule in contract.batch_rules]
    return pa.DataFrameSchema({ROWS: pa.Column(pl.Int64, checks=checks)}, name=contract.stream)


def batch_violations(contract: Contract, profile: pl.DataFrame) -> pl.DataFrame:
    """What the batch rules say of each hour.

    Args:
        contract: The contract.
        profile: As `make_profile` or `merge_profiles` make it, duplicates filled in.

    Returns:
        A row an hour and rule: hour_partition, hour (where the profile has them), rule,
        observed (Float64, null if there was nothing to observe), passed (Boolean), examples
        (List(String): what is wrong, where the check has words for it).
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
            _examples(rule).alias("examples"),
        )
        rules.append(found)
    if not rules:
        kinds = {name: HOUR_TYPES[name] for name in hours}
        return pl.DataFrame(
            schema=kinds
            | {"rule": pl.String, "observed": pl.Float64, "passed": pl.Boolean, "examples": _TEXTS}
        )
    return pl.concat(rules)


def _examples(rule: Rule) -> pl.Expr:
    made = BATCH_CHECKS[rule.check].examples
    return pl.lit([], dtype=_TEXTS) if made is None else made(rule)


def _failed(contract: Contract, profile: pl.DataFrame) -> Mapping[str, list[int]]:
    """Rule name -> the positions of the hours that Pandera found breaking it."""
    from pandera.errors import SchemaErrors  # noqa: PLC0415 - as above

    try:
        batch_schema(contract).validate(profile, lazy=True)
    except SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases
        if cases["index"].null_count():
            raise  # the profile is malformed: a defect of the caller
        by_rule = cases.group_by("check").agg("index")
        return dict(by_rule.iter_rows())
    return {}
