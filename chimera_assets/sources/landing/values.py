"""Texts as typed values, a column at a time; what cannot be read keeps its text.

CSV has nothing but texts, JSON has them for times, and anyone may write a number as one. Each type
is first read the quick way, all values at once; only what is left is parsed more slowly.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.sources.landing.damage import compact

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.contracts import Contract

_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}

#: Whole numbers beyond this are not exact as floating point.
_EXACT = 2.0**53

_ZONE = r"([zZ]|[+-]\d{2}(:?\d{2})?)$"
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
_ARRAY_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\]*))\s*(,|$)')


def typed(frame: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, pl.Series]:
    """The contract's columns in their types.

    Args:
        frame: Any of the contract's columns, each in its own type or as text.
        contract: The contract; columns the frame lacks are null.

    Returns:
        The columns, in order; and for each row null, or a JSON object with the texts of the values
        that could not be read, which are null among the columns.
    """
    columns: list[pl.Series] = []
    bad: dict[str, pl.Series] = {}
    for column in contract.columns:
        if column.name not in frame.columns:
            columns.append(_nothing(column.name, column.polars_type, frame.height))
            continue
        given = frame[column.name]
        if given.dtype == column.polars_type:
            columns.append(given)
            continue
        value = READERS[column.type](given).alias(column.name)
        unread = given.is_not_null() & value.is_null()
        if unread.any():
            bad[column.name] = pl.select(pl.when(unread).then(given)).to_series()
        columns.append(value)
    return pl.DataFrame(columns), _unreadable(bad, frame.height)


def _nothing(name: str, kind: pl.DataType, height: int) -> pl.Series:
    return pl.Series(name, [None], kind).new_from_index(0, height)


def _unreadable(bad: dict[str, pl.Series], height: int) -> pl.Series:
    name = "_unreadable"
    if not bad:
        return _nothing(name, pl.String(), height)
    texts = pl.DataFrame([series.alias(column) for column, series in bad.items()])
    some = texts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    documents: list[str | None] = [None] * height
    for index, row in zip(some.arg_true(), texts.filter(some).iter_rows(named=True), strict=True):
        documents[index] = compact(row)
    return pl.Series(name, documents, pl.String)


def _strings(texts: pl.Series) -> pl.Series:
    return texts


def _integers(texts: pl.Series) -> pl.Series:
    stripped = texts.str.strip_chars()
    whole = stripped.cast(pl.Int64, strict=False)
    if whole.null_count() == texts.null_count():
        return whole
    # Tools that have no null for integers write 12.0.
    number = stripped.cast(pl.Float64, strict=False)
    exact = (number.abs() <= _EXACT) & (number == number.round(0))
    floats = pl.select(pl.when(exact).then(number)).to_series().cast(pl.Int64, strict=False)
    return whole.zip_with(whole.is_not_null(), floats)


def _numbers(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars().cast(pl.Float64, strict=False)


def _booleans(texts: pl.Series) -> pl.Series:
    lowered = texts.str.strip_chars().str.to_lowercase()
    return lowered.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)


def _timestamps(texts: pl.Series) -> pl.Series:
    """ISO 8601; without a zone it is UTC; what is finer than a microsecond is cut off."""
    try:
        cast = texts.to_arrow().cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        return _timestamps_one_by_one(texts)
    return pl.Series(pl.from_arrow(cast))


def _timestamps_one_by_one(texts: pl.Series) -> pl.Series:
    shaped = (
        texts.str.strip_chars()
        .str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[ t]", "${1}T")
        .str.replace(r"[.,](\d{1,6})\d*", ".$1")
    )
    zoned = shaped.str.slice(10).str.contains(_ZONE)
    whole = shaped.zip_with(zoned | zoned.is_null(), shaped + "Z")
    whole = whole.str.replace("z$", "Z").str.replace("Z$", "+00:00")
    found = _nothing("", pl.Datetime("us", "UTC"), len(texts))
    for form in _TIME_FORMATS:
        read = whole.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        found = found.zip_with(found.is_not_null(), read)
    # Arrow and Delta know the years 1 to 9999.
    years = found.dt.year()
    return pl.select(pl.when((years >= 1) & (years <= 9999)).then(found)).to_series()  # noqa: PLR2004


def _dates(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)


def _arrays(texts: pl.Series) -> pl.Series:
    """JSON (`["a"]`) or PostgreSQL's own form (`{a,b}`); few are different, each is read once."""
    known = {text: read_array(text) for text in texts.drop_nulls().unique()}
    table = pl.DataFrame(
        {"text": list(known), "items": list(known.values())},
        schema={"text": pl.String, "items": pl.List(pl.String)},
    )
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["items"]


def read_array(text: str) -> list[str | None] | None:
    """The items that a text lists; None if it lists none."""
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        return _postgres_items(stripped[1:-1])
    try:
        items = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
        return None
    return [item if item is None or isinstance(item, str) else json.dumps(item) for item in items]


def _postgres_items(inside: str) -> list[str | None] | None:
    if not inside.strip():
        return []
    items: list[str | None] = []
    position = 0
    while match := _ARRAY_ITEM.match(inside, position):
        quoted, plain, end = match.groups()
        if quoted is None and not plain.strip():
            return None
        if quoted is not None:
            items.append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        else:
            items.append(None if plain.strip().upper() == "NULL" else plain.strip())
        position = match.end()
        if not end:
            return items
    return None


#: Contract type -> how a column of texts is read: null where a text is no such value.
READERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "timestamp": _timestamps,
    "date": _dates,
    "array<string>": _arrays,
}
