"""The boundary of types: what may enter a Delta table, and as what.

Delta has fewer types than Arrow, and deltalake turns or refuses the others in ways that differ by
type. Here every type is decided once: timestamps are microseconds in UTC, dictionary types
(Categorical, Enum) are strings, unsigned integers become the next wider signed ones, naive
timestamps and types that Delta lacks are refused with the column's name.
"""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types

from chimera_assets.hour_columns import HOUR_FIELDS
from chimera_assets.lake.errors import SchemaConflict
from chimera_assets.layers import LANDING, STREAM_LAYERS

TIMESTAMP = pa.timestamp("us", tz="UTC")

#: The Arrow types of the two partition columns.
_HOUR_TYPES = {field.name: field.type for field in HOUR_FIELDS}

_PLAIN = {
    pa.bool_(): pa.bool_(),
    pa.int8(): pa.int8(),
    pa.int16(): pa.int16(),
    pa.int32(): pa.int32(),
    pa.int64(): pa.int64(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
    pa.float32(): pa.float32(),
    pa.float64(): pa.float64(),
    pa.date32(): pa.date32(),
    pa.date64(): pa.date32(),
    pa.string(): pa.string(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.binary(): pa.binary(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}

_WIDER = {
    (pa.int8(), pa.int16()),
    (pa.int8(), pa.int32()),
    (pa.int8(), pa.int64()),
    (pa.int16(), pa.int32()),
    (pa.int16(), pa.int64()),
    (pa.int32(), pa.int64()),
    (pa.float32(), pa.float64()),
}


def delta_type(kind: pa.DataType) -> pa.DataType | None:  # noqa: PLR0911
    """The type as it stands in a Delta table, or None where Delta has none for it."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if types.is_timestamp(kind):
        return TIMESTAMP if kind.tz is not None else None
    if types.is_dictionary(kind):
        return delta_type(kind.value_type)
    if types.is_decimal128(kind):
        return kind
    if types.is_struct(kind):
        return _struct(kind)
    if any(check(kind) for check in _LISTS):
        inner = delta_type(kind.value_type)
        return pa.list_(inner) if inner is not None else None
    return None


#: What contracts call types; a model's doubles are their numbers.
_IN_CONTRACTS = {
    pa.bool_(): "boolean",
    pa.int64(): "integer",
    pa.float64(): "number (double)",
    pa.string(): "string",
    TIMESTAMP: "timestamp",
}

_MIGRATE = (
    "a column keeps the type that its table has. `chimera contract migrate {stream}` rewrites the "
    "tables by the contract; or keep the old type there, or give the column another name "
    "(physicalName says what the source calls it)"
)
_KEEPS_ITS_TYPE = (
    "a column keeps the type that its table has. In the model, cast it or name it otherwise; if a "
    "contract's type changed, `chimera contract migrate` of its stream rewrites what is made of it"
)

_LISTS = (
    types.is_list,
    types.is_large_list,
    types.is_fixed_size_list,
    types.is_list_view,
    types.is_large_list_view,
)


def _struct(kind: pa.StructType) -> pa.DataType | None:
    inner = [(field.name, delta_type(field.type)) for field in kind]
    if any(found is None for _, found in inner):
        return None
    return pa.struct([pa.field(name, found) for name, found in inner])


def agreed_schema(
    incoming: pa.Schema, existing: pa.Schema | None, uri: str, *, hourly: bool = False
) -> pa.Schema:
    """The schema in which a stream is written: its own columns, in types the table accepts.

    Args:
        incoming: The stream's schema.
        existing: The table's schema, None for a new table.
        uri: The table's URI, for the message.
        hourly: Whether the two partition columns must be there, as Date and Int32.

    Raises:
        SchemaConflict: A column has a type that Delta lacks, or not the one of the table's column
            of that name, or a partition column is missing.
    """
    if hourly:
        _require_hours(incoming, uri)
    return pa.schema([_agreed_field(field, existing, uri, hourly=hourly) for field in incoming])


def _require_hours(incoming: pa.Schema, uri: str) -> None:
    for name, kind in _HOUR_TYPES.items():
        if name not in incoming.names:
            raise SchemaConflict(
                uri, name, expected=f"a partition column {kind}", found="no such column"
            )


def _agreed_field(
    field: pa.Field, existing: pa.Schema | None, uri: str, *, hourly: bool
) -> pa.Field:
    if hourly and field.name in _HOUR_TYPES and types.is_integer(field.type):
        # Engines give EXTRACT(hour) as anything from Int8 to Int64; all of them hold 0 to 23.
        return pa.field(field.name, pa.int32())
    known = existing is not None and field.name in existing.names
    wanted = normal(existing.field(field.name).type) if existing is not None and known else None
    if types.is_null(field.type) and wanted is not None:
        return pa.field(field.name, wanted)
    found = delta_type(field.type)
    if found is None:
        raise SchemaConflict(
            uri,
            field.name,
            expected=str(wanted) if wanted is not None else "a type that Delta has",
            found=_spoken(field.type),
            remedy="cast it before writing",
        )
    if wanted is None or found == wanted:
        return pa.field(field.name, found)
    if (found, wanted) in _WIDER:
        return pa.field(field.name, wanted)
    raise SchemaConflict(
        uri,
        field.name,
        expected=_named(wanted, found),
        found=_named(found, wanted),
        remedy=_remedy(uri),
    )


def _remedy(uri: str) -> str:
    layer, _, name = uri.rpartition("/")
    of_stream = layer.rpartition("/")[2] in {LANDING, *STREAM_LAYERS}
    return _MIGRATE.format(stream=name) if of_stream else _KEEPS_ITS_TYPE


def fits(wanted: pa.DataType, existing: pa.DataType) -> bool:
    """Whether values of a type go into an existing table's column of another one."""
    here, there = normal(wanted), normal(existing)
    return here == there or (here, there) in _WIDER


def type_in_words(kind: pa.DataType) -> str:
    """A type as contracts call it, as far as they have a name for it."""
    return _IN_CONTRACTS.get(kind) or _decimal(kind) or str(kind)


def normal(kind: pa.DataType) -> pa.DataType:
    """A type of an existing table in the form that `delta_type` gives; others unchanged."""
    return delta_type(kind) or kind


def _named(kind: pa.DataType, other: pa.DataType) -> str:
    """A type as contracts call it, if they have names for both."""
    names = [_IN_CONTRACTS.get(one) or _decimal(one) for one in (kind, other)]
    return names[0] if names[0] and names[1] else str(kind)


def _decimal(kind: pa.DataType) -> str | None:
    is_exact = types.is_decimal128(kind)
    return f"decimal({kind.precision}, {kind.scale})" if is_exact else None


def _spoken(kind: pa.DataType) -> str:
    if types.is_timestamp(kind):
        return f"{kind} without a time zone"
    return str(kind)


def conform(batch: pa.RecordBatch, schema: pa.Schema, uri: str) -> pa.RecordBatch:
    """The batch in exactly this schema.

    Raises:
        SchemaConflict: A value does not fit, an unsigned integer over 2^63 for instance.
    """
    if batch.schema.equals(schema):
        return batch
    columns = []
    for field in schema:
        column = batch.column(field.name)
        try:
            columns.append(column if column.type == field.type else _cast(column, field.type))
        except pa.ArrowInvalid as error:
            raise SchemaConflict(
                uri, field.name, expected=f"values that fit {field.type}", found=_shape(error)
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    # Finer than a microsecond is cut, as Delta has no finer time; all else must fit.
    options = pa.compute.CastOptions(kind, allow_time_truncate=True)
    return column.cast(options=options)


def _shape(error: Exception) -> str:
    """What kind of value did not fit, without the value, which may be personal."""
    too_large = any(words in str(error) for words in ("not in range", "out of bounds"))
    return "a value out of range" if too_large else "a value that cannot be cast"
