"""The columns of JSON objects, drafted: each value that they hold, however deep."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.contracts.drafting import DraftColumn, LeftOut, column_names
from chimera_assets.sources.landing.text_draft import of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Steps = tuple[str, ...]

#: The types that a text may be of; one that looks like a number is none in JSON.
_TYPES_OF_TEXTS = ("date", "timestamp")

_DEEPEST = 5
_MOST = 2**63

_OF_OBJECTS = "objects or lists within; a path may lead to a value in them (docs/mapping.md)"
_MIXED = "values in some rows, objects in others"
_MIXED_LISTS = "values in some rows, lists in others"
_EMPTY = "no value in the rows looked at"


def of_objects(items: Sequence[Any]) -> list[DraftColumn | LeftOut]:
    """The columns of objects; what is no object is passed over.

    Args:
        items: As they were read from JSON.
    """
    objects = [value for value in items if isinstance(value, dict)]
    found: dict[Steps, list[Any]] = {}
    for row, value in enumerate(objects):
        for steps, item in _leaves(value, ()):
            found.setdefault(steps, [None] * len(objects))[row] = item
    refused = dict(_refused(found))
    held = {steps: values for steps, values in found.items() if steps not in refused}
    names = column_names(["_".join(steps) for steps in held])
    return [
        *(
            _of_values(name, _as_path(steps), values)
            for name, (steps, values) in zip(names, held.items(), strict=True)
        ),
        *(LeftOut(_as_path(steps), why) for steps, why in refused.items() if why),
    ]


def _leaves(value: dict[str, Any], outer: Steps) -> Iterator[tuple[Steps, Any]]:
    """The values within an object, and the way to each."""
    for name, item in value.items():
        steps = (*outer, name)
        if isinstance(item, dict) and item and len(steps) < _DEEPEST:
            yield from _leaves(item, steps)
        else:
            yield steps, item


def _refused(found: Mapping[Steps, Sequence[Any]]) -> Iterator[tuple[Steps, str]]:
    """What cannot be a column, and why; nothing where what is in it can, and is all there is."""
    outer = {steps[:depth] for steps in found for depth in range(1, len(steps))}
    for steps, values in found.items():
        if steps in outer:
            yield steps, "" if all(value in (None, {}) for value in values) else _MIXED
        elif why := _why_none(values):
            yield steps, why


def _why_none(values: Sequence[Any]) -> str:
    """Why no type of a contract's holds these values; nothing if one does."""
    lists = {isinstance(value, list) for value in values if value is not None}
    items = [
        item
        for value in values
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    if any(isinstance(item, (list, dict)) for item in items):
        return _OF_OBJECTS
    if len(lists) > 1:
        return _MIXED_LISTS
    return "" if items else _EMPTY


def _as_path(steps: Steps) -> str:
    if len(steps) == 1 and not steps[0].startswith("$"):
        return steps[0]
    return "$" + "".join(map(_as_step, steps))


def _as_step(name: str) -> str:
    if name.isidentifier():
        return f".{name}"
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def _of_values(name: str, source_name: str, values: list[Any]) -> DraftColumn:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return of_texts(name, source_name, pl.Series(values), _TYPES_OF_TEXTS)
    if kinds == {list}:
        items = [None if value is None else [_text(item) for item in value] for value in values]
        lists = pl.Series(items, dtype=pl.List(pl.String))
        return DraftColumn(name, source_name, "array<string>", lists)
    if kinds == {bool}:
        return DraftColumn(name, source_name, "boolean", pl.Series(values))
    if kinds == {int} and all(value is None or abs(value) < _MOST for value in values):
        return DraftColumn(name, source_name, "integer", pl.Series(values))
    if kinds <= {int, float} and (numbers := _numbers(values)) is not None:
        # Integers beyond 64 bits would lose digits.
        return DraftColumn(name, source_name, "number", numbers, is_inexact=kinds == {int})
    texts = pl.Series([_text(value) for value in values])
    return DraftColumn(name, source_name, "string", texts)


def _numbers(values: Sequence[float | None]) -> pl.Series | None:
    """The values as floating point; None if one is too large for that."""
    try:
        numbers = [None if value is None else float(value) for value in values]
    except OverflowError:
        return None
    is_finite = all(number is None or math.isfinite(number) for number in numbers)
    return pl.Series(numbers) if is_finite else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value)
