"""Tries a rule on two rows of nulls, so that one that cannot run is reported when it is read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.rules.batch_checks import BATCH_CHECKS
from chimera_assets.contracts.rules.row_checks import violation
from chimera_assets.hour_columns import HOUR_TYPES
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.contracts.model import Column, Rule

_TRIAL_ROWS = 2

#: Columns that the frames of hourly streams have beside those of the contract.
PLATFORM_TYPES: dict[str, Any] = {
    **HOUR_TYPES,
    "_batch_id": pl.String(),
    "_ingested_at": pl.Datetime("us", "UTC"),
}


def dry_run_problem(rule: Rule, columns: Sequence[Column]) -> tuple[str, str] | None:
    """What was expected and what was found if a rule cannot run; None if it can."""
    types = {column.name: column.polars_type for column in columns}
    frame = _nulls(tuple((types | PLATFORM_TYPES).items()))
    try:
        if rule.level == "batch":
            frame.select(**BATCH_CHECKS[rule.check].statistics(rule))
            return None
        unknown = _unknown_column(rule, frame)
        if unknown is not None:
            return f"columns of the contract, {one_of(types, unknown)}", unknown
        tried = frame.select(violation(rule, _references(rule, types)).alias("broken"))
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        return "an expression that Polars can evaluate on these columns", _first_line(error)
    if tried.schema["broken"] != pl.Boolean:
        return "an expression that is true or false", f"one of type {tried.schema['broken']}"
    if tried.height != _TRIAL_ROWS:
        return "an expression that judges each row by itself", "an aggregate over all rows"
    return None


@lru_cache(maxsize=8)
def _nulls(types: tuple[tuple[str, Any], ...]) -> pl.DataFrame:
    """The frame to try the rules of one contract on; building it costs more than a trial."""
    return pl.DataFrame(schema=dict(types)).clear(_TRIAL_ROWS)


def _unknown_column(rule: Rule, frame: pl.DataFrame) -> str | None:
    roots = violation(rule, _references(rule, dict(frame.schema))).meta.root_names()
    return next((name for name in roots if name not in frame.columns), None)


def _references(rule: Rule, types: dict[str, Any]) -> dict[str, pl.Series]:
    if rule.check != "references":
        return {}
    return {rule.params["values"]: pl.Series([], dtype=types[rule.column or ""])}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
