"""Columns that lie within nested JSON, as Arrow reads them: structs, and out of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chimera_assets.contracts.json_path import Steps


def nested_schema(
    kinds: Mapping[str, pa.DataType], ways: Mapping[str, tuple[Steps, ...]]
) -> pa.Schema | None:
    """The schema of objects in which columns lie.

    Args:
        kinds: Column -> its type.
        ways: Column -> the ways to it.

    Returns:
        None if Arrow cannot read them so: by position in a list, or both a value and a part of it.
    """
    tree: dict[str, Any] = {}
    for (*outer, last), kind in _each(kinds, ways):
        inside = tree
        for step in outer:
            if not isinstance(step, str) or not isinstance(inside, dict):
                return None
            inside = inside.setdefault(step, {})
        if not isinstance(last, str) or not isinstance(inside, dict) or last in inside:
            return None
        inside[last] = kind
    return pa.schema(_fields(tree))


def _each(
    kinds: Mapping[str, pa.DataType], ways: Mapping[str, tuple[Steps, ...]]
) -> Iterator[tuple[Steps, pa.DataType]]:
    for column, kind in kinds.items():
        for steps in ways[column]:
            yield steps, kind


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    return [
        pa.field(name, pa.struct(_fields(kind)) if isinstance(kind, dict) else kind)
        for name, kind in tree.items()
    ]


def flattened(table: pa.Table, ways: Mapping[str, tuple[Steps, ...]]) -> pa.Table:
    """The columns of what was read with that schema."""
    return pa.table({column: _first(table, each) for column, each in ways.items()})


def _first(table: pa.Table, ways: tuple[Steps, ...]) -> pa.ChunkedArray:
    """The values at the first of the ways that leads to one, row by row."""
    found = [
        pc.struct_field(table[outer], inner) if inner else table[outer] for outer, *inner in ways
    ]
    return found[0] if len(found) == 1 else pc.coalesce(*found)
