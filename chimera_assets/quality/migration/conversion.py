"""Rows of a stream in the types of a changed contract, values read as those of files are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.quality.judge import UNREADABLE_COLUMN
from chimera_assets.sources.landing import damage
from chimera_assets.sources.text_values import read_texts
from chimera_assets.sources.unread_texts import with_texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.contracts import Column

_ISO = "%Y-%m-%dT%H:%M:%S%.6fZ"

#: What `_unreadable` says of a row that is no text of a value.
_ORIGIN = frozenset({damage.FILE, damage.LINE})


def converted(rows: pl.DataFrame, columns: Collection[Column]) -> pl.DataFrame:
    """The rows with some columns in the contract's types.

    A value that is none of its new type is null. Where the rows have `_unreadable`, its text is
    kept there; a text that could not be read before, and is a value of the new type, is read.

    Args:
        rows: The rows.
        columns: The columns that the rows have in another type.
    """
    documents = rows[UNREADABLE_COLUMN] if UNREADABLE_COLUMN in rows.columns else None
    values: list[pl.Series] = []
    unread: dict[str, pl.Series] = {}
    read: dict[str, pl.Series] = {}
    for column in columns:
        texts = _texts(rows[column.name])
        kept = _text_kept(documents, column.name) if documents is not None else None
        given = texts if kept is None else texts.zip_with(texts.is_not_null(), kept)
        value = read_texts(column, given).cast(column.polars_type).alias(column.name)
        values.append(value)
        lost = _where(value.is_null() & texts.is_not_null(), texts)
        if lost.null_count() < len(lost):
            unread[column.name] = lost
        if kept is not None:
            read[column.name] = kept.is_not_null() & value.is_not_null()
    if documents is not None:
        documents = with_texts(_without(documents, read), unread)
        values.append(documents.alias(UNREADABLE_COLUMN))
    return rows.with_columns(values)


def count_lost(column: Column, values: pl.Series) -> int:
    """How many values of a column are none of the contract's type."""
    texts = _texts(values)
    return int((read_texts(column, texts).is_null() & texts.is_not_null()).sum())


def completed(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The rows in exactly these columns, null in those that they lack."""
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )


def _texts(values: pl.Series) -> pl.Series:
    """The values as they would be written in a file."""
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.strftime(_ISO)
    if isinstance(values.dtype, pl.List):
        texts = [None if one is None else json.dumps(list(one)) for one in values]
        return pl.Series(values.name, texts, pl.String)
    return values.cast(pl.String)


def _text_kept(documents: pl.Series, column: str) -> pl.Series | None:
    """The text that `_unreadable` has of a column; None if it has none of any row."""
    if documents.null_count() == len(documents):
        return None
    return documents.str.json_path_match(f"$[{json.dumps(column, ensure_ascii=False)}]")


def _where(chosen: pl.Series, texts: pl.Series) -> pl.Series:
    return pl.select(pl.when(chosen).then(texts)).to_series()


def _without(documents: pl.Series, read: dict[str, pl.Series]) -> pl.Series:
    """`_unreadable` without the texts that were read now; null where nothing else is said."""
    if not any(found.any() for found in read.values()):
        return documents
    written: list[str | None] = documents.to_list()
    table = pl.DataFrame([found.alias(name) for name, found in read.items()])
    for at in table.select(pl.any_horizontal(pl.all())).to_series().arg_true():
        gone = {name for name, now_read in table.row(at, named=True).items() if now_read}
        said = json.loads(written[at] or "{}")
        left = {name: text for name, text in said.items() if name not in gone}
        whole = json.dumps(left, ensure_ascii=False, separators=(",", ":"))
        written[at] = whole if set(left) - _ORIGIN else None
    return pl.Series(documents.name, written, pl.String)
