"""The row checks, by name, each as a Polars expression.

A check's builder gives an expression that is true where a row breaks the rule. It may be null
where a value is null: apart from the checks that ask for presence, null breaks no rule. Builders
keep to cheap vectorised operations, because all rules of a contract run fused in one pass.
Polars orders NaN above every number, so that a range without an upper bound has to ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.errors import MissingReferenceError
from chimera_assets.contracts.rules.parameters import (
    COLUMN,
    COUNT,
    NUMBER,
    REFERENCE,
    REGEX,
    TEXT,
    VALUES,
    Parameter,
    choice,
)
from chimera_assets.hours import HOUR_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chimera_assets.contracts.model import Contract, Rule

    References = Mapping[str, pl.Series]
    Builder = Callable[[Rule, References], pl.Expr]

_US_PER_HOUR = 3_600_000_000
_MOST_ITEMS = 2**32 - 1

_COMPARISONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
    "==": pl.Expr.eq,
    "!=": pl.Expr.ne,
}


#: How a value is beyond an end of a range.
_BEYOND = {"min": pl.Expr.lt, "max": pl.Expr.gt}


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A row check: how it is built, its parameters, on which column types it makes sense."""

    build: Builder
    parameters: Mapping[str, Parameter]
    types: frozenset[str]
    dimension: str
    needs_column: bool


#: Every row check that a contract can name.
ROW_CHECKS: dict[str, RowCheck] = {}

_NUMERIC = ("integer", "number")
_ANY = ("string", "integer", "number", "boolean", "timestamp", "date", "array<string>")


def _row_check(
    name: str,
    dimension: str,
    types: tuple[str, ...] = _ANY,
    *,
    needs_column: bool = True,
    **parameters: Parameter,
) -> Callable[[Builder], Builder]:
    def register(build: Builder) -> Builder:
        check = RowCheck(build, parameters, frozenset(types), dimension, needs_column)
        ROW_CHECKS[name] = check
        return build

    return register


def violation(rule: Rule, references: References) -> pl.Expr:
    """The expression that is true where a row breaks the rule; Boolean, never null.

    Args:
        rule: A rule of level `row`.
        references: Known values by `table.column`, for the rules that compare with a table.

    Raises:
        MissingReferenceError: The rule needs reference values that are not among `references`.
    """
    return ROW_CHECKS[rule.check].build(rule, references).fill_null(value=False)


def row_violations(contract: Contract, references: References) -> list[pl.Expr]:
    """One violation expression a row rule, named after it: the whole contract in one `select`."""
    return [violation(rule, references).alias(rule.name) for rule in contract.row_rules]


def required_references(contract: Contract) -> tuple[str, ...]:
    """The `table.column` keys whose values the contract's rules compare with."""
    keys = (rule.params["values"] for rule in contract.rules if rule.check == "references")
    return tuple(dict.fromkeys(keys))


def _column(rule: Rule) -> pl.Expr:
    return pl.col(rule.column or "")


@_row_check("not_null", "completeness")
def _not_null(rule: Rule, _: References) -> pl.Expr:
    return _column(rule).is_null()


@_row_check("not_missing", "completeness", ("string",), values=VALUES)
def _not_missing(rule: Rule, _: References) -> pl.Expr:
    return _is_in(_column(rule), rule.params["values"])


@_row_check("in_set", "conformity", ("string", "integer", "boolean"), values=VALUES)
def _in_set(rule: Rule, _: References) -> pl.Expr:
    return ~_is_in(_column(rule), rule.params["values"])


def _outside(size: pl.Expr, rule: Rule) -> pl.Expr:
    low: int = rule.params.get("min", 0)
    high: int = rule.params.get("max", _MOST_ITEMS)
    return (size < low) | (size > high) if low > 0 else size > high


def _is_in(column: pl.Expr, values: list[Any]) -> pl.Expr:
    known = column.is_in([value for value in values if value is not None])
    return known | column.is_null() if None in values else known


@_row_check("references", "consistency", ("string", "integer"), values=REFERENCE)
def _references(rule: Rule, references: References) -> pl.Expr:
    key: str = rule.params["values"]
    if key not in references:
        msg = (
            f"rule {rule.name}: expected the known values of {key}, found none "
            f"(given: {', '.join(sorted(references)) or 'nothing'}); extract that table first"
        )
        raise MissingReferenceError(msg)
    return ~_column(rule).is_in(references[key].drop_nulls().unique().implode())


@_row_check("range", "conformity", _NUMERIC, min=NUMBER.optional(), max=NUMBER.optional())
def _range(rule: Rule, _: References) -> pl.Expr:
    column, bounds = _column(rule), rule.params
    outside = [broken(column, bounds[end]) for end, broken in _BEYOND.items() if end in bounds]
    # Bounds at both ends are finite and leave out what is not, NaN being above every number.
    if len(outside) < len(_BEYOND):
        outside.append(~column.cast(pl.Float64).is_finite())
    return pl.any_horizontal(outside)


@_row_check(
    "length",
    "conformity",
    ("string",),
    min=COUNT.optional(),
    max=COUNT.optional(),
    unit=choice("characters", "bytes").optional(),
)
def _length(rule: Rule, _: References) -> pl.Expr:
    """Bytes (of UTF-8) are known without reading the text, so they cost next to nothing."""
    text = _column(rule).str
    size = text.len_bytes() if rule.params.get("unit") == "bytes" else text.len_chars()
    return _outside(size, rule)


@_row_check(
    "list_length", "conformity", ("array<string>",), min=COUNT.optional(), max=COUNT.optional()
)
def _list_length(rule: Rule, _: References) -> pl.Expr:
    size = _column(rule).list.len()
    return _outside(size, rule)


@_row_check("items_present", "completeness", ("array<string>",))
def _items_present(rule: Rule, _: References) -> pl.Expr:
    """No item of the list is null or empty."""
    item = pl.element()
    return _column(rule).list.eval(item.is_null() | (item == "")).list.any()


@_row_check("pattern", "conformity", ("string",), regex=REGEX)
def _pattern(rule: Rule, _: References) -> pl.Expr:
    return ~_column(rule).str.contains(rule.params["regex"])


@_row_check("trimmed", "conformity", ("string",))
def _trimmed(rule: Rule, _: References) -> pl.Expr:
    """No blank at either end."""
    return _column(rule).str.starts_with(" ") | _column(rule).str.ends_with(" ")


@_row_check("within_hour", "timeliness", ("timestamp",))
def _within_hour(rule: Rule, _: References) -> pl.Expr:
    """The event lies in the hour it was extracted for, as the partition columns say."""
    days, hour = (pl.col(name).to_physical().cast(pl.Int64) for name in HOUR_COLUMNS)
    since = _column(rule).to_physical() - (days * 24 + hour) * _US_PER_HOUR
    # Read as unsigned, a moment before the hour is a huge number: one comparison for both ends.
    return since.reinterpret(signed=False) >= _US_PER_HOUR


@_row_check("not_after", "timeliness", ("timestamp",), other=COLUMN, minutes=COUNT.optional())
def _not_after(rule: Rule, _: References) -> pl.Expr:
    ahead = _column(rule) - pl.col(rule.params["other"])
    tolerated: int = rule.params.get("minutes", 0)
    return ahead > timedelta(minutes=tolerated)


@_row_check(
    "compare",
    "consistency",
    (*_NUMERIC, "timestamp", "date", "string"),
    operator=choice(*_COMPARISONS),
    other=COLUMN,
)
def _compare(rule: Rule, _: References) -> pl.Expr:
    compared = _COMPARISONS[rule.params["operator"]]
    return ~compared(_column(rule), pl.col(rule.params["other"]))


@_row_check(
    "ratio",
    "consistency",
    _NUMERIC,
    numerator=COLUMN,
    denominator=COLUMN,
    tolerance=NUMBER.optional(),
)
def _ratio(rule: Rule, _: References) -> pl.Expr:
    """The column is numerator / denominator; a denominator of 0 allows null, 0 and no other."""
    numerator, denominator = (
        pl.col(rule.params[name]).cast(pl.Float64) for name in ("numerator", "denominator")
    )
    expected = pl.when(denominator != 0).then(numerator / denominator).otherwise(0.0)
    expected = pl.when(numerator.is_not_null() & denominator.is_not_null()).then(expected)
    tolerance: float = rule.params.get("tolerance", 0.0)
    return (_column(rule) - expected).abs() > tolerance


@_row_check("expression", "consistency", needs_column=False, sql=TEXT)
def _expression(rule: Rule, _: References) -> pl.Expr:
    """A Polars SQL expression that is true (or null) for every good row."""
    sql: str = rule.params["sql"]
    return ~pl.sql_expr(sql)
