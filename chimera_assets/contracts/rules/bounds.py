"""Bounds on an observed number, from the standard's operators (`mustBeLessThan` and the like)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.rules.parameters import NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from open_data_contract_standard.model import DataQuality

    from chimera_assets.contracts.rules.parameters import Parameter

#: The standard's operator -> the bounds that its value sets.
OPERATORS: dict[str, tuple[str, ...]] = {
    "mustBe": ("min", "max"),
    "mustBeGreaterThan": ("above",),
    "mustBeGreaterOrEqualTo": ("min",),
    "mustBeLessThan": ("below",),
    "mustBeLessOrEqualTo": ("max",),
    "mustBeBetween": ("min", "max"),
}

#: The standard's operators that say nothing useful about a count.
UNSUPPORTED = ("mustNotBe", "mustNotBeBetween")

_WORDS = {"min": "at least", "max": "at most", "above": "more than", "below": "less than"}

#: The bounds as parameters of a check.
BOUNDS: dict[str, Parameter] = {"min": NUMBER.optional(), "max": NUMBER.optional()}


def read_bounds(quality: DataQuality) -> dict[str, Any]:
    """The bounds that a rule of type `library` sets; empty if it sets none."""
    bounds: dict[str, Any] = {}
    for operator, names in OPERATORS.items():
        value = getattr(quality, operator)
        if value is None:
            continue
        values = value if isinstance(value, list) else [value] * len(names)
        bounds.update(zip(names, values, strict=True))
    return bounds


def within(observed: pl.Expr, params: Mapping[str, Any]) -> pl.Expr:
    """Whether an observed number lies within its bounds; NaN lies within none."""
    fine = observed.is_finite()
    for name, holds in (
        ("min", pl.Expr.ge),
        ("max", pl.Expr.le),
        ("above", pl.Expr.gt),
        ("below", pl.Expr.lt),
    ):
        if name in params:
            fine = fine & holds(observed, pl.lit(float(params[name])))
    return fine


def in_words(params: Mapping[str, Any]) -> str:
    """`at least 1 and at most 5`, for descriptions."""
    said = [f"{words} {params[name]}" for name, words in _WORDS.items() if name in params]
    return " and ".join(said)
