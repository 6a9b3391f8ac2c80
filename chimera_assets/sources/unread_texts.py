"""`_unreadable`: of each row the texts of the values that could not be read, as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping


def compact(texts: Mapping[str, str | None]) -> str:
    """A value of `_unreadable`: the texts as JSON, nulls left out."""
    given = {name: text for name, text in texts.items() if text is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def with_texts(documents: pl.Series, unread: Mapping[str, pl.Series]) -> pl.Series:
    """`_unreadable` with further texts.

    Args:
        documents: What it is without them; null for rows that were read whole.
        unread: By column the texts that could not be read; null for all others.
    """
    if not unread:
        return documents
    texts = pl.DataFrame([series.alias(column) for column, series in unread.items()])
    some = texts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    written: list[str | None] = documents.to_list()
    for index, row in zip(some.arg_true(), texts.filter(some).iter_rows(named=True), strict=True):
        written[index] = compact(json.loads(written[index] or "{}") | row)
    return pl.Series(documents.name, written, pl.String)
