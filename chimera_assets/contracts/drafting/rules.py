"""Rules that a sample suggests. They warn, and reject nothing until somebody has looked at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimera_assets.contracts.drafting.draft import DraftColumn

#: Words of names of columns whose values are a few of the trade's. Those of other texts may be
#: names of people, which do not belong into a contract.
_CATEGORIES = frozenset(
    ("category", "channel", "class", "currency", "env", "environment", "kind", "language", "level",
     "method", "mode", "model", "outcome", "phase", "plan", "priority", "provider", "region",
     "result", "severity", "stage", "state", "status", "tier", "type", "unit")
)  # fmt: skip

#: A set of values is one if there are few of them, each often enough.
_FEW, _TIMES_EACH = 12, 20
#: From so few values nothing follows.
_ENOUGH = 50


def suggested(column: DraftColumn, *, is_key: bool) -> dict[str, Any] | None:
    """The check that a column's values suggest, with its parameters; None if none does."""
    values = column.values.drop_nulls()
    if is_key or len(values) < _ENOUGH:
        return None
    if column.type == "string" and _CATEGORIES & set(column.name.split("_")):
        different = values.unique().sort().to_list()
        if 1 < len(different) <= _FEW and len(different) * _TIMES_EACH <= len(values):
            return {"check": "in_set", "values": different}
    if column.type in {"integer", "number"}:
        finite = values if values.dtype.is_integer() or values.dtype.is_decimal() else (
            values.filter(values.is_finite())
        )  # fmt: skip
        if len(finite) and finite.min() >= 0:  # type: ignore[operator]
            is_share = column.type == "number" and finite.max() <= 1 and finite.n_unique() > _FEW  # type: ignore[operator]
            return {"check": "range", "min": 0} | ({"max": 1} if is_share else {})
    return None


def is_never_null(column: DraftColumn) -> bool:
    """Whether no null was found among values enough for it to mean something."""
    return len(column.values) >= _ENOUGH and column.values.null_count() == 0
