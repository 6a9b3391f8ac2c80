"""Rows of a table as a table for people, as JSON or as CSV; long ones frame by frame."""

from __future__ import annotations

import json
import math
import sys
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.terminal import Plain, PlainFloat, print_table
from chimera_assets.commands.visible import json_escaped, visible_lines
from chimera_assets.errors import ArgumentError
from chimera_assets.foreign_texts import FORMULA
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAME_ROWS = 50_000
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S%.fZ"


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    json = "json"
    csv = "csv"


def parse_format(text: str) -> Format:
    """How rows are to be printed.

    Raises:
        ArgumentError: There is no such way.
    """
    if text not in list(Format):
        msg = f"--format: expected {one_of(Format, text)}; found {text}"
        raise ArgumentError(msg)
    return Format(text)


def print_rows(rows: pl.LazyFrame, form: Format, *, raw: bool = False) -> int:
    """Print rows, times as ISO 8601 in UTC; gives how many there were.

    JSON is one array of objects. In CSV a list is written as JSON, null as nothing; and a text, or
    a column's name, that a spreadsheet would take for a formula has an apostrophe before it.

    Args:
        rows: The rows.
        form: How they are printed.
        raw: CSV with such texts as they are, for programs.
    """
    if form is Format.table:
        frame = _readable(rows).collect()
        lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
        shown = frame.with_columns(
            pl.col(name).cast(pl.List(pl.String)).list.join(", ") for name in lists
        )
        print_table(frame.columns, (map(_as_is, row) for row in shown.iter_rows()))
        return frame.height
    return _print_json(rows) if form is Format.json else _print_csv(rows, raw=raw)


def _as_is(value: object) -> object:
    """A value of a row, whose number may be a key that somebody copies."""
    if isinstance(value, float):
        return PlainFloat(value)
    if isinstance(value, dict):
        return _json(value)
    return Plain(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _print_json(rows: pl.LazyFrame) -> int:
    count = 0
    for frame in _frames(rows):
        for line in json_escaped(_json_lines(frame)).rstrip("\n").split("\n"):
            sys.stdout.write("[" if count == 0 else ",")
            sys.stdout.write("\n" + line)
            count += 1
    sys.stdout.write("\n]\n" if count else "[]\n")
    return count


def _json_lines(frame: pl.DataFrame) -> str:
    """The rows as lines of JSON, in which polars writes null for what is no number there."""
    floats = frame.select(pl.selectors.float())
    finite = all(column.is_finite().fill_null(value=True).all() for column in floats)
    if finite and not any(map(_holds_floats, frame.dtypes)):
        return frame.write_ndjson()
    rows = (_with_words(row) for row in frame.iter_rows(named=True))
    return "\n".join(map(_dumped, rows))


def _holds_floats(kind: Any) -> bool:  # noqa: ANN401 - a type of polars', or its class
    if isinstance(kind, pl.List | pl.Array):
        return kind.inner.is_float() or _holds_floats(kind.inner)
    fields = kind.fields if isinstance(kind, pl.Struct) else ()
    return any(field.dtype.is_float() or _holds_floats(field.dtype) for field in fields)


def _with_words(value: Any) -> Any:  # noqa: ANN401
    """The value, in it `NaN`, `Infinity` and `-Infinity` as texts: JSON has no such numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value).replace("nan", "NaN").replace("inf", "Infinity")
    if isinstance(value, dict):
        return {name: _with_words(one) for name, one in value.items()}
    return list(map(_with_words, value)) if isinstance(value, list) else value


def _print_csv(rows: pl.LazyFrame, *, raw: bool) -> int:
    # CSV has no escapes: what a program reads is as it is.
    shown = visible_lines if sys.stdout.isatty() else str
    names = rows.collect_schema().names()
    header = pl.DataFrame({str(place): [name] for place, name in enumerate(names)})
    count = -header.height
    for frame in chain([header], _frames(rows)):
        flat = _flat(frame) if raw else _defused(_flat(frame))
        sys.stdout.write(shown(flat.write_csv(include_header=False)))
        count += frame.height
    return count


def _defused(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows without a text that a spreadsheet would work out instead of showing it."""
    texts = [pl.col(name) for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        pl.when(text.str.contains(FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep()
        for text in texts
    )


def _frames(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    frames = _readable(rows).collect_batches(chunk_size=_FRAME_ROWS, maintain_order=True, lazy=True)
    return (frame for frame in frames if frame.height)


def _readable(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Times as text, which JSON has no type for."""
    times = [
        pl.col(name).dt.strftime(_MICROSECONDS)
        for name, kind in rows.collect_schema().items()
        if isinstance(kind, pl.Datetime)
    ]
    return rows.with_columns(times)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(name, [_json(value) for value in frame[name].to_list()], dtype=pl.String)
        for name in nested
    )


def _json(value: object) -> str | None:
    return None if value is None else _dumped(value)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_as_text)


def _as_text(value: object) -> str:
    """A value that JSON has no type for; a decimal with all digits of its scale."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
