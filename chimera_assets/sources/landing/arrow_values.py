"""Arrow columns of any type as columns of the contract's: what was written, or its text.

A value of another kind than the contract's (a duration for a number, a map for a list) is none of
its type, even where Arrow would cast it. Half of it is done by the texts that stand for a value,
which are then read as those of any other file.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from chimera_assets.sources.text_values import localized, read_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.contracts.model import Column

#: A column in its type or as text, and the texts of values that are neither (null for all others).
Fitted = tuple[pl.Series, pl.Series]

_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_A_DAY = 86_400
#: The first second of the year 1 and of the year 10000, from 1970.
_FIRST_SECOND, _END_SECOND = -62_135_596_800, 253_402_300_800


def fitted(column: pa.Array, wanted: Column) -> Fitted:
    """The column as one of the contract's.

    Args:
        column: An array, of any type.
        wanted: The contract's column.
    """
    plain = _plain(column)
    value, unread = _FITTED[wanted.type](plain, wanted)
    return value.alias(wanted.name), unread


def as_texts(column: pa.Array) -> pl.Series:
    """The texts that stand for values of any type."""
    return _texts(_plain(column))


def may_be_read(column: pa.Array) -> bool:
    """Whether a column of this type can have values of any type of a contract's."""
    plain = _plain(column)
    return _has_texts(_plain(_as_list(plain).flatten()).type if is_list(plain.type) else plain.type)


def _plain(column: pa.Array) -> pa.Array:
    """The values without what only says how they are stored."""
    if isinstance(column, pa.ExtensionArray):
        is_uuid = column.type.extension_name == "arrow.uuid"
        return _uuids(column.storage) if is_uuid else _plain(column.storage)
    if types.is_dictionary(column.type):
        return _plain(column.dictionary_decode())
    if types.is_run_end_encoded(column.type):
        return _plain(pc.run_end_decode(column))
    if types.is_float16(column.type):
        return column.cast(pa.float32())
    return column


def _uuids(column: pa.Array) -> pa.Array:
    texts = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in column.to_pylist()]
    return pa.array(texts, pa.string())


def _strings(column: pa.Array, wanted: Column) -> Fitted:
    kind = column.type
    if not _has_texts(kind):
        return _none_of(column)
    if _is_binary(kind) or _is_text(kind):
        return _utf8(column)
    if types.is_temporal(kind):
        return _moments(column, wanted)
    return _whole(_texts(column))


def _has_texts(kind: pa.DataType) -> bool:
    """Whether values of a type are texts, or have one that stands for them."""
    # Of a fixed size are numbers, keys, spans of time: bytes that could be read as text are none.
    return not (types.is_nested(kind) or _is_span(kind) or types.is_fixed_size_binary(kind))


def _moments(column: pa.Array, wanted: Column) -> Fitted:
    """Times and dates as texts; what no clock and no calendar has is none of them."""
    if types.is_time(column.type):
        width = pa.int32() if types.is_time32(column.type) else pa.int64()
        given, unit = _series(column.cast(width)).cast(pl.Int64), column.type.unit
        known = given.is_between(0, _SECONDS_A_DAY * _UNITS_A_SECOND[unit], closed="left")
        unread = _unless(known, given.cast(pl.String) + f" {unit} since midnight")
    else:
        _, unread = (_dates if types.is_date(column.type) else _timestamps)(column, wanted)
    return _unless(unread.is_not_null(), _texts(column)), unread


def _integers(column: pa.Array, wanted: Column) -> Fitted:
    if types.is_integer(column.type):
        given = _series(column)
        return _beside(given.cast(pl.Int64, strict=False), given)
    if types.is_floating(column.type):
        given = _series(column.cast(pa.float64()))
        # The ends of 64 bits: the upper one is no floating point number, the next is beyond it.
        exact = (given >= -(2.0**63)) & (given < 2.0**63) & (given == given.floor())
        whole = _unless(~exact, given).cast(pl.Int64, strict=False)
        return _beside(whole, _series(column))
    return _by_text(column, wanted, types.is_decimal)


def _numbers(column: pa.Array, wanted: Column) -> Fitted:
    if wanted.decimal is not None:
        return _by_text(column, wanted, _is_number)
    if types.is_integer(column.type) or types.is_floating(column.type):
        given = _series(column)
        numbers = given.cast(pl.Float64)
        return _beside(_unless(~numbers.is_finite(), numbers), given)
    return _by_text(column, wanted, types.is_decimal)


def _booleans(column: pa.Array, wanted: Column) -> Fitted:
    if types.is_boolean(column.type):
        return _whole(_series(column))
    return _by_text(column, wanted, types.is_integer)


def _timestamps(column: pa.Array, wanted: Column) -> Fitted:
    """Microseconds in UTC; finer is cut off."""
    if not types.is_timestamp(column.type):
        return _by_text(column, wanted, types.is_date)
    given, unit = _series(column.cast(pa.int64())), column.type.unit
    a_second = _UNITS_A_SECOND[unit]
    # Nanoseconds of 64 bits end in 2262.
    in_us = given // (a_second // 10**6) if a_second > 10**6 else given
    a_second = min(a_second, 10**6)
    known = in_us.is_between(_FIRST_SECOND * a_second, _END_SECOND * a_second, closed="left")
    held = _unless(~known, in_us) * (10**6 // a_second)
    zone = "UTC" if column.type.tz else wanted.timezone or "UTC"
    moments = localized(held.cast(pl.Datetime("us")), zone)
    return _beside(moments, given.cast(pl.String) + f" {unit} since 1970")


def _dates(column: pa.Array, wanted: Column) -> Fitted:
    if not types.is_date(column.type):
        return _by_text(column, wanted, _never)
    if types.is_date64(column.type):  # milliseconds, which should be whole days
        days = _series(column.cast(pa.int64())) // (_SECONDS_A_DAY * 1000)
    else:
        days = _series(column.cast(pa.int32())).cast(pl.Int64)
    first, end = _FIRST_SECOND // _SECONDS_A_DAY, _END_SECOND // _SECONDS_A_DAY
    known = days.is_between(first, end, closed="left")
    held = _unless(~known, days).cast(pl.Int32).cast(pl.Date)
    return _beside(held, days.cast(pl.String) + " days since 1970")


def _arrays(column: pa.Array, wanted: Column) -> Fitted:
    if not is_list(column.type):
        return _by_text(column, wanted, _never)
    lists = _as_list(column)
    texts, unread = _strings(_plain(lists.flatten()), wanted)
    items = pl.Series(pl.from_arrow(_with_items(lists, texts)))
    if unread.null_count() == len(unread):
        return _whole(items)
    bad = _series(_with_items(lists, unread)).list.eval(pl.element().is_not_null()).list.any()
    # Arrow wraps a time that no clock has, where it shows a list.
    timed = types.is_temporal(lists.type.value_type)
    shown = _with_items(lists, unread.fill_null(texts)) if timed else column
    return _beside(_unless(bad, items), _texts(shown))


def _as_list(column: pa.Array) -> pa.Array:
    """Lists of any kind as the ordinary one; a list that is null has no items."""
    kind = column.type
    if types.is_list(kind):
        return column
    return column.cast(pa.list_(kind.value_type))


def _with_items(lists: pa.Array, items: pl.Series) -> pa.Array:
    """Lists of the same lengths, of other items."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pl.Series(pl.from_arrow(lengths)).cast(pl.Int64).cum_sum().to_list()
    offsets = pa.array([0, *ends], pa.int32())
    mask = pc.is_null(lists)
    return pa.ListArray.from_arrays(offsets, items.to_arrow().cast(pa.string()), mask=mask)


def _utf8(column: pa.Array) -> Fitted:
    """Texts, each checked: a writer may have put any bytes there."""
    try:
        checked = column.cast(pa.large_binary()).cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    else:
        return _whole(_series(checked))
    raws = [
        None if raw is None else bytes(raw) for raw in column.cast(pa.large_binary()).to_pylist()
    ]
    texts = pl.Series([_decoded(raw) for raw in raws], dtype=pl.String)
    shown = [None if raw is None else raw.decode("utf-8", "backslashreplace") for raw in raws]
    return _beside(texts, pl.Series(shown, dtype=pl.String))


def _decoded(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def _by_text(column: pa.Array, wanted: Column, stands: Callable[[pa.DataType], bool]) -> Fitted:
    """By the texts, if the type is one whose texts stand for values of the contract's type."""
    if _is_text(column.type) or _is_binary(column.type):
        return _utf8(column)
    if types.is_null(column.type) or stands(column.type):
        return _readable(_texts(column), wanted)
    return _none_of(column)


def _readable(texts: pl.Series, wanted: Column) -> Fitted:
    return _beside(read_texts(wanted, texts), texts)


def _none_of(column: pa.Array) -> Fitted:
    """No value is one of the contract's type."""
    return _nothing(len(column)), _texts(column)


def _beside(values: pl.Series, given: pl.Series) -> Fitted:
    """Values, and the texts of what was given and is none."""
    lost = values.is_null() & given.is_not_null()
    if not lost.any():
        return values, _nothing(len(values))
    return values, _unless(~lost, given.cast(pl.String))


def _unless(condition: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(~condition.fill_null(value=True)).then(values)).to_series()


def _whole(values: pl.Series) -> Fitted:
    return values, _nothing(len(values))


def _nothing(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, height)


def _texts(column: pa.Array) -> pl.Series:
    return _series(_shown(column))


def _shown(column: pa.Array) -> pa.Array:
    """Any values as texts."""
    if types.is_duration(column.type):
        counts = _series(column.cast(pa.int64())).cast(pl.String)
        return (counts + f" {column.type.unit}").to_arrow()
    if not types.is_nested(column.type):
        try:
            return column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    return pa.array([_shown_value(value) for value in column], pa.large_string())


def _shown_value(scalar: pa.Scalar) -> str | None:
    if not scalar.is_valid:
        return None
    try:
        value = scalar.as_py()
        text = (
            value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
        )
        text.encode()
    except (ValueError, OverflowError, TypeError):
        return f"(a value of type {scalar.type} that has no text)"
    return text


def _series(column: pa.Array) -> pl.Series:
    return pl.Series(pl.from_arrow(column))


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_span(kind: pa.DataType) -> bool:
    return bool(types.is_duration(kind) or types.is_interval(kind))


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists, however they are stored."""
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_decimal(kind) or types.is_integer(kind) or types.is_floating(kind))


def _never(_: pa.DataType) -> bool:
    return False


#: Contract type -> how a column of any Arrow type is read.
_FITTED: dict[str, Callable[[pa.Array, Column], Fitted]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "timestamp": _timestamps,
    "date": _dates,
    "array<string>": _arrays,
}
