"""Periods that follow each other: of each key no two rows overlap in time, and there is no gap."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts.model import Rule

#: No text of a key has it.
_BETWEEN = "\x1f"

#: So many seams are named.
_NAMED = 5

_DAY_LENGTH = len("2026-01-31")


def as_text(rule: Rule) -> pl.Expr:
    """A row's key, first day and day after the last as one text; without an end the last is empty.

    Null if the key or the first day is.
    """
    ends = (pl.col(rule.column or ""), pl.col(rule.params["end"]))
    first, end = (one.cast(pl.String).str.head(_DAY_LENGTH) for one in ends)
    keys = [pl.col(name).cast(pl.String) for name in rule.params["by"]]
    return pl.concat_str([*keys, first, end.fill_null("")], separator=_BETWEEN)


def broken_seams(counted: pl.Series) -> list[str]:
    """What is wrong with the periods of each key, in words.

    Args:
        counted: Structs of `value`, as `as_text` makes it, and `rows`, how many rows have it.
    """
    periods = sorted(
        tuple(one["value"].split(_BETWEEN)) for one in counted for _ in range(one["rows"])
    )
    found: list[str] = []
    for key, rows in groupby(periods, key=lambda one: one[:-2]):
        found += (f"{', '.join(key)}: {words}" for words in _of_key([one[-2:] for one in rows]))
    return found


def _of_key(periods: list[tuple[str, ...]]) -> Iterator[str]:
    """What is wrong with the periods of one key, which come by their first day."""
    begun, until = "", ""
    for first, end in periods:
        if end and end <= first:
            yield f"from {first} it ends on {end}, before it has begun"
        if begun and (not until or first < until):
            yield f"from {first} it overlaps what begins on {begun}"
        elif begun and first > until:
            yield f"there is none from {until} to {first}"
        if not begun or (until and (not end or end > until)):
            begun, until = first, end


def examples(counted: pl.Expr) -> pl.Expr:
    """Some of what is wrong, as texts, of a profile's column of counts."""
    return counted.map_elements(
        lambda values: broken_seams(values)[:_NAMED], return_dtype=pl.List(pl.String)
    )


def broken(counted: pl.Expr) -> pl.Expr:
    """How much is wrong, of a profile's column of counts."""
    return counted.map_elements(lambda values: len(broken_seams(values)), return_dtype=pl.Int64)
