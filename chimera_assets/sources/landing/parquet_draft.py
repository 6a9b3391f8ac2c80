"""The columns of a Parquet file, drafted."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet, types

from chimera_assets.contracts.drafting import SAMPLED, DraftColumn, LeftOut, column_names
from chimera_assets.sources.landing.arrow_values import fitted, is_list, may_be_read
from chimera_assets.sources.landing.text_draft import column_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.contracts import Column

#: More digits no exact number of a contract has.
_MOST_DIGITS = 38

#: An unsigned number of 64 bits has so many digits, and may be beyond an integer of a contract.
_UNSIGNED = (20, 0)


def of_parquet(path: Path) -> list[DraftColumn | LeftOut]:
    """The columns of a file, by its types and first rows."""
    is_zipped = path.name.lower().endswith(".gz")
    source = pa.BufferReader(gzip.decompress(path.read_bytes())) if is_zipped else path
    with parquet.ParquetFile(source, coerce_int96_timestamp_unit="us") as file:
        batch = next(file.iter_batches(SAMPLED), None)
    if batch is None:
        return []
    given = batch.schema.names
    return [
        LeftOut(field.name, "several columns have this name")
        if given.count(field.name) > 1
        else _of_column(name, field, values)
        for name, field, values in zip(
            column_names(given), batch.schema, batch.columns, strict=True
        )
    ]


def _of_column(name: str, field: pa.Field, values: pa.Array) -> DraftColumn | LeftOut:
    """A column of the first type in which all of its values can be read."""
    kind = _in_words(field.type)
    if not may_be_read(values):
        return LeftOut(field.name, f"values of type {kind} cannot be read (docs/types.md)")
    for column in _columns(field.type):
        read, unread = fitted(values, column)
        lost = len(unread) - unread.null_count()
        if not lost or (column.type == "number" and types.is_floating(field.type)):
            return DraftColumn(
                name,
                field.name,
                column.type,
                read,
                physical_type=column.type_in_words if column.decimal else "",
                not_finite=lost,
                is_naive=types.is_timestamp(field.type) and field.type.tz is None,
            )
    share = f"{lost:,} of {len(values) - values.null_count:,}"
    return LeftOut(field.name, f"{share} values of type {kind} cannot be read (docs/types.md)")


def _columns(kind: pa.DataType) -> list[Column]:
    """Columns that may hold values of an Arrow type, the first one best."""
    if types.is_dictionary(kind):
        return _columns(kind.value_type)
    if types.is_decimal(kind) and kind.precision <= _MOST_DIGITS:
        return [column_of("number", (kind.precision, kind.scale))]
    name = next((name for name, holds in _HELD.items() if holds(kind)), "string")
    wider = [column_of("number", _UNSIGNED)] if types.is_uint64(kind) else []
    return [column_of(name), *wider]


def _in_words(kind: pa.DataType) -> str:
    """A type without the names and types of what is in it."""
    if is_list(kind):
        return f"list of {_in_words(kind.value_type)}"
    return str(kind).partition("<")[0]


#: Contract type -> whether it holds an Arrow type.
_HELD: dict[str, Callable[[pa.DataType], bool]] = {
    "integer": types.is_integer,
    "number": types.is_floating,
    "boolean": types.is_boolean,
    "timestamp": types.is_timestamp,
    "date": types.is_date,
    "array<string>": is_list,
}
