"""The columns of a CSV file, drafted; one that commas do not separate is refused."""

from __future__ import annotations

import csv
from itertools import chain, islice
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.contracts.drafting import SAMPLED, DraftColumn, LeftOut, column_names
from chimera_assets.errors import ArgumentError
from chimera_assets.sources.landing.text_draft import of_texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: The types that a text may be of, the narrowest first.
_TYPES = ("integer", "number", "boolean", "date", "timestamp")

#: What else separates columns in files that are called CSV.
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}

#: So many lines tell what separates the columns.
_LOOKED_AT = 100


def of_csv(path: Path, lines: Iterable[str]) -> list[DraftColumn | LeftOut]:
    """The columns of a file, by its header and first rows.

    Args:
        path: What the file is called in messages.
        lines: Its lines.

    Raises:
        ArgumentError: Its columns are not separated by commas.
    """
    given = iter(lines)
    first = list(islice(given, _LOOKED_AT))
    _require_commas(path, first)
    records = filter(None, csv.reader(chain(first, given)))
    header = [name.strip() for name in next(records, [])]
    rows = [row for row in islice(records, SAMPLED) if len(row) == len(header)]
    twice = sorted({name for name in header if header.count(name) > 1 and name})
    texts = {
        name: pl.Series(name, [row[at] or None for row in rows], pl.String)
        for at, name in enumerate(header)
        if name and name not in twice
    }
    named = zip(column_names(list(texts)), texts.items(), strict=True)
    return [
        *(of_texts(name, source, values, _TYPES) for name, (source, values) in named),
        *(LeftOut(name, "several columns have this name") for name in twice),
    ]


def _require_commas(path: Path, lines: list[str]) -> None:
    """Refuse a file whose header and first row something else separates into more columns."""
    columns = len(next(csv.reader(lines), []))
    for separator, called in _SEPARATORS.items():
        records = filter(None, csv.reader(lines, delimiter=separator))
        widths = [len(record) for record in islice(records, 2)]
        if widths and widths[0] > columns and len(set(widths)) == 1:
            msg = (
                f"{path}: expected columns separated by commas (RFC 4180), found {widths[0]} "
                f"separated by {called}; write the file with commas, and numbers with a decimal "
                "point, or as JSON lines or Parquet"
            )
            raise ArgumentError(msg)
