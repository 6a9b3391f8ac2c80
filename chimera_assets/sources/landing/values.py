"""Parsed rows as typed values, a column at a time; what cannot be read keeps its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.sources.text_values import read_texts
from chimera_assets.sources.unread_texts import with_texts

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.parsed import Parsed


def typed(parsed: Parsed, contract: Contract) -> tuple[pl.DataFrame, pl.Series]:
    """The contract's columns in their types.

    Args:
        parsed: Any of the contract's columns, each in its own type or as text.
        contract: The contract; columns that it lacks are null.

    Returns:
        The columns, in order; and for each row null, or a JSON object with the texts of the values
        that could not be read, which are null among the columns.
    """
    frame = parsed.rows
    columns: list[pl.Series] = []
    bad = dict(parsed.unread)
    for column in contract.columns:
        if column.name not in frame.columns:
            columns.append(_nothing(column.name, column.polars_type, frame.height))
            continue
        given = frame[column.name]
        if given.dtype == column.polars_type:
            columns.append(given)
            continue
        value = read_texts(column, given).alias(column.name)
        unread = pl.select(pl.when(value.is_null()).then(given)).to_series()
        if unread.null_count() < len(unread):
            before = bad.get(column.name, unread)
            bad[column.name] = before.zip_with(before.is_not_null(), unread)
        columns.append(value)
    nothing = _nothing("_unreadable", pl.String(), frame.height)
    return pl.DataFrame(columns), with_texts(nothing, bad)


def _nothing(name: str, kind: pl.DataType, height: int) -> pl.Series:
    return pl.Series(name, [None], kind).new_from_index(0, height)
