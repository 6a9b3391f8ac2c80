"""A file of the landing place, drafted as a contract would describe it."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import parquet, types

from chimera_assets.contracts import Column
from chimera_assets.contracts.drafting import SAMPLED, Draft, DraftColumn, column_names
from chimera_assets.errors import ArgumentError
from chimera_assets.sources.landing.arrow_values import fitted
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.json_document import items
from chimera_assets.sources.landing.limits import Limits
from chimera_assets.sources.text_values import read_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: The types that a text may be of, the narrowest first.
_OF_TEXTS = ("integer", "number", "boolean", "date", "timestamp")
_OF_JSON_TEXTS = ("date", "timestamp")

_DEEPEST = 5
_ZONED = r"(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
_MOST = 2**63

#: What reading a file raises that is none of its kind.
_DAMAGED = (OSError, ValueError, EOFError, RecursionError, csv.Error, zlib.error, pa.ArrowException)


def draft_of_file(path: Path, stream: str) -> Draft:
    """What a contract for a file would say, and files like it.

    Args:
        path: A CSV, JSON, JSON lines or Parquet file, zipped with gzip or not.
        stream: What the stream is to be called.

    Raises:
        ArgumentError: It is none of these, or cannot be read.
    """
    name = path.name.lower().removesuffix(".gz")
    read = next((read for end, read in _READERS.items() if name.endswith(end)), None)
    if read is None:
        msg = f"{path}: expected a file that ends in {', '.join(_READERS)} (.gz), found another"
        raise ArgumentError(msg)
    try:
        if path.exists() and not path.is_file():  # to open a FIFO waits for whoever writes into it
            found = "a folder" if path.is_dir() else "a FIFO or device"
            msg = f"{path}: expected a file, found {found}"
            raise ArgumentError(msg)
        columns = read(path)
    except (CorruptFile, Unfinished) as error:
        msg = f"{path}: it cannot be read: {error}"
        raise ArgumentError(msg) from None
    except _DAMAGED as error:
        msg = f"{path}: it cannot be read: {getattr(error, 'strerror', None) or 'it is damaged'}"
        raise ArgumentError(msg) from None
    if not columns:
        msg = f"{path}: expected rows with columns, found none"
        raise ArgumentError(msg)
    is_sample = len(columns[0].values) == SAMPLED
    return Draft(stream, path.name, stream, tuple(columns), is_sample=is_sample)


def _lines(path: Path) -> Iterator[str]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
        yield from text


def _csv(path: Path) -> list[DraftColumn]:
    records = csv.reader(_lines(path))
    header = [name.strip() for name in next(records, [])]
    rows = [row for row in islice(records, SAMPLED) if len(row) == len(header)]
    texts = {
        name: pl.Series(name, [row[at] or None for row in rows], pl.String)
        for at, name in enumerate(header)
        if name
    }
    named = zip(column_names(list(texts)), texts.items(), strict=True)
    return [_of_texts(name, source, given, _OF_TEXTS) for name, (source, given) in named]


def _json_lines(path: Path) -> list[DraftColumn]:
    lines = islice(filter(str.strip, _lines(path)), SAMPLED)
    return _of_objects([json.loads(line) for line in lines])


def _json(path: Path) -> list[DraftColumn]:
    zipped = path.name.lower().endswith(".gz")
    found = items(path, json.loads, zipped=zipped, limits=Limits.of_settings())
    return _of_objects(found[:SAMPLED])


def _of_objects(items_found: Sequence[Any]) -> list[DraftColumn]:
    objects = [value for value in items_found if isinstance(value, dict)]
    found: dict[tuple[str, ...], list[Any]] = {}
    for row, value in enumerate(objects):
        for steps, item in _leaves(value, ()):
            found.setdefault(steps, [None] * len(objects))[row] = item
    held = {steps: values for steps, values in found.items() if _is_held(values)}
    names = column_names(["_".join(steps) for steps in held])
    return [
        _of_json(name, _as_path(steps), values)
        for name, (steps, values) in zip(names, held.items(), strict=True)
    ]


def _leaves(value: dict[str, Any], outer: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values within an object, and the way to each."""
    for name, item in value.items():
        steps = (*outer, name)
        if isinstance(item, dict) and len(steps) < _DEEPEST:
            yield from _leaves(item, steps)
        else:
            yield steps, item


def _as_path(steps: Sequence[str]) -> str:
    if len(steps) == 1:
        return steps[0]
    return "$" + "".join(map(_as_step, steps))


def _as_step(name: str) -> str:
    if name.isidentifier():
        return f".{name}"
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def _is_held(values: Sequence[Any]) -> bool:
    """Whether a type of a contract's holds such values: no objects, and no lists of them."""
    items = [
        item
        for value in values
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    lists = {isinstance(value, list) for value in values if value is not None}
    return bool(items) and len(lists) == 1 and not any(isinstance(i, (list, dict)) for i in items)


def _of_json(name: str, source_name: str, values: list[Any]) -> DraftColumn:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return _of_texts(name, source_name, pl.Series(values, dtype=pl.String), _OF_JSON_TEXTS)
    if kinds == {list}:
        items = [None if value is None else [_text(item) for item in value] for value in values]
        lists = pl.Series(items, dtype=pl.List(pl.String))
        return DraftColumn(name, source_name, "array<string>", lists)
    if kinds == {bool}:
        return DraftColumn(name, source_name, "boolean", pl.Series(values, dtype=pl.Boolean))
    if kinds == {int} and all(value is None or abs(value) < _MOST for value in values):
        return DraftColumn(name, source_name, "integer", pl.Series(values, dtype=pl.Int64))
    if kinds <= {int, float}:
        numbers = [None if value is None else float(value) for value in values]
        return DraftColumn(name, source_name, "number", pl.Series(numbers, dtype=pl.Float64))
    texts = pl.Series([_text(value) for value in values], dtype=pl.String)
    return DraftColumn(name, source_name, "string", texts)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value)


def _of_texts(name: str, source_name: str, given: pl.Series, kinds: Sequence[str]) -> DraftColumn:
    """A column of the narrowest type that all of these texts are of."""
    kind, values = _narrowest(given, kinds)
    zoned = bool(given.drop_nulls().str.contains(_ZONED).any())
    is_naive = kind == "timestamp" and not zoned
    return DraftColumn(name, source_name, kind, values, is_naive=is_naive)


def _narrowest(given: pl.Series, kinds: Sequence[str]) -> tuple[str, pl.Series]:
    known = given.drop_nulls()
    # A number has no zeros before it; a postcode has.
    is_code = bool(known.str.contains(r"^0[0-9]").any())
    for kind in kinds:
        if known.is_empty() or (is_code and kind in {"integer", "number"}):
            continue
        values = read_texts(_column(kind), given)
        if values.null_count() == given.null_count():
            return kind, values
    return "string", given


def _column(kind: str, decimal: tuple[int, int] | None = None) -> Column:
    return Column(
        "value", kind, required=False, description="", classification="L1", decimal=decimal
    )


def _parquet(path: Path) -> list[DraftColumn]:
    is_zipped = path.name.lower().endswith(".gz")
    source = pa.BufferReader(gzip.decompress(path.read_bytes())) if is_zipped else path
    with parquet.ParquetFile(source, coerce_int96_timestamp_unit="us") as file:
        batch = next(file.iter_batches(SAMPLED), None)
    if batch is None:
        return []
    fields = zip(column_names(batch.schema.names), batch.schema, batch.columns, strict=True)
    return [_of_parquet(name, field, values) for name, field, values in fields]


def _of_parquet(name: str, field: pa.Field, values: pa.Array) -> DraftColumn:
    is_exact = types.is_decimal128(field.type)
    decimal = (field.type.precision, field.type.scale) if is_exact else None
    column = _column(_contract_type(field.type), decimal)
    return DraftColumn(
        name,
        field.name,
        column.type,
        fitted(values, column)[0],
        physical_type=column.type_in_words if is_exact else "",
        is_naive=types.is_timestamp(field.type) and field.type.tz is None,
    )


def _contract_type(kind: pa.DataType) -> str:
    if types.is_dictionary(kind):
        return _contract_type(kind.value_type)
    return next((name for name, holds in _HELD.items() if holds(kind)), "string")


#: Contract type -> whether it holds an Arrow type.
_HELD: dict[str, Callable[[pa.DataType], bool]] = {
    "integer": types.is_integer,
    "number": lambda kind: types.is_floating(kind) or types.is_decimal128(kind),
    "boolean": types.is_boolean,
    "timestamp": types.is_timestamp,
    "date": types.is_date,
    "array<string>": lambda kind: types.is_list(kind) or types.is_large_list(kind),
}

#: How a file ends -> how its columns are found.
_READERS: dict[str, Callable[[Path], list[DraftColumn]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
}
