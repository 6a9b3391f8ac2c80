"""Texts as values of a contract's column, all of a batch at a time.

CSV has nothing but texts, JSON has them for times, and anyone may write a number as one. Each type
is first read the quick way, all values at once; only what is left is parsed more slowly.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from chimera_assets.sources.exact_json import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.contracts import Column

_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}

#: No more digits are before the point of a number of 64 bits, the first not counted.
_DIGITS_OF_64_BITS = 18

_DIGITS = r"^[+-]?[0-9]+$"
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_NUMBER_TEXT = re.compile(_NUMBER)

#: A number without an exponent; its digits but for zeros that say nothing.
_PLAIN_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_DIGITS_OF_NUMBER = r"^[+-]?0*([0-9]*)(?:\.([0-9]*?)0*)?$"
_DIGITS_OF_128_BITS = 38
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = r"[+-](?:[01][0-9]|2[0-3])"
#: Times as most tools write them, which Arrow reads at once.
_PLAIN_TIME = rf"^[0-9-]{{10}}[T ]{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|{_ZONE}:[0-5][0-9])$"
#: All that are read.
_TIME = (
    rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[Tt ]{_CLOCK}(?::[0-5][0-9](?:[.,][0-9]+)?)?"
    rf"(?: *(?:[zZ]|{_ZONE}(?::?[0-5][0-9])?))?)?$"
)
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_ARRAY_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\]*))\s*(,|$)')


def in_type(column: Column, values: pl.Series) -> pl.Series:
    """Values that the source gave, in the column's type; texts are read as those of files are."""
    if values.dtype == pl.String:
        return read_texts(column, values)
    return values.cast(column.polars_type)


def read_texts(column: Column, texts: pl.Series) -> pl.Series:
    """The values that texts are; null where one is no value of the column's type."""
    if column.type == "timestamp":
        return _timestamps(texts, column.timezone or "UTC")
    if column.decimal is not None:
        return _decimals(texts, *column.decimal)
    return _READERS[column.type](texts)


def _strings(texts: pl.Series) -> pl.Series:
    return texts


def _integers(texts: pl.Series) -> pl.Series:
    stripped = texts.str.strip_chars()
    digits = _matching(stripped, _DIGITS).str.strip_prefix("+")
    whole = digits.cast(pl.Int64, strict=False)
    left = stripped.filter(whole.is_null() & stripped.is_not_null()).unique()
    if left.is_empty():
        return whole
    # Tools that have no null for integers write 12.0.
    return whole.zip_with(whole.is_not_null(), _looked_up(stripped, left, _whole, pl.Int64()))


def _whole(text: str) -> int | None:
    """The integer that a decimal number is; None if it is none, or none of 64 bits."""
    if not _NUMBER_TEXT.fullmatch(text):
        return None
    try:
        number = Decimal(text)
        if number and (number.adjusted() > _DIGITS_OF_64_BITS or number % 1):
            return None
    except ArithmeticError:  # an exponent beyond all bounds
        return None
    whole = int(number) if number else 0
    return whole if -(2**63) <= whole < 2**63 else None


def _numbers(texts: pl.Series) -> pl.Series:
    written = _matching(texts.str.strip_chars(), _NUMBER)
    number = written.str.strip_prefix("+").cast(pl.Float64, strict=False)
    return pl.select(pl.when(number.is_finite()).then(number)).to_series()


def _decimals(texts: pl.Series, precision: int, scale: int) -> pl.Series:
    """Exact numbers; null for one of more digits, before or after the point, than there is room."""
    stripped, kind = texts.str.strip_chars(), pl.Decimal(precision, scale)
    written = _matching(stripped, _PLAIN_NUMBER)
    digits = written.str.extract_groups(_DIGITS_OF_NUMBER).struct
    whole, part = digits.field("1").str.len_bytes(), digits.field("2").str.len_bytes()
    fits = (whole <= precision - scale) & (part.fill_null(0) <= scale)
    plain = written.to_frame("t").select(pl.when(fits).then("t")).to_series().rename(texts.name)
    exact = plain.str.strip_prefix("+").cast(kind, strict=False)
    left = stripped.filter(written.is_null() & stripped.is_not_null()).unique()
    if left.is_empty():
        return exact
    others = _looked_up(stripped, left, lambda text: _decimal(text, precision, scale), kind)
    return exact.zip_with(exact.is_not_null(), others)


def _decimal(text: str, precision: int, scale: int) -> Decimal | None:
    """The exact number that a text with an exponent is, if there is room for it."""
    if not _NUMBER_TEXT.fullmatch(text):
        return None
    try:
        number = Decimal(text)
        if number and number.adjusted() >= precision - scale:
            return None
        with localcontext(prec=_DIGITS_OF_128_BITS):
            fitted = number.quantize(Decimal(1).scaleb(-scale))
    except ArithmeticError:  # an exponent beyond all bounds
        return None
    return fitted if fitted == number else None


def _matching(texts: pl.Series, pattern: str) -> pl.Series:
    """The texts that are as a pattern says; null for the others."""
    return pl.select(pl.when(texts.str.contains(pattern)).then(texts)).to_series()


def _looked_up(
    texts: pl.Series, some: pl.Series, read: Callable[[str], object], kind: pl.DataType
) -> pl.Series:
    """What `read` makes of some of the texts, each of which it sees once; null for the others."""
    table = pl.DataFrame(
        {"text": some, "value": pl.Series([read(text) for text in some], dtype=kind)}
    )
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["value"]


def _booleans(texts: pl.Series) -> pl.Series:
    lowered = texts.str.strip_chars().str.to_lowercase()
    return lowered.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)


def _timestamps(texts: pl.Series, zone: str = "UTC") -> pl.Series:
    """ISO 8601; what is finer than a microsecond is cut off.

    Args:
        texts: The texts.
        zone: Of times that name none; one that the zone's clock skips or repeats is null.
    """
    if texts.str.contains(_PLAIN_TIME).all():
        with suppress(pa.ArrowInvalid):
            cast = texts.to_arrow().cast(pa.timestamp("us", tz="UTC"))
            return _of_known_years(pl.Series(pl.from_arrow(cast)))
    shaped = _matching(texts.str.strip_chars(), _TIME)
    whole = (
        shaped.str.replace(r"^(.{10})$", "${1}T00:00:00")
        .str.replace(r"^(.{10})[ t]", "${1}T")
        .str.replace(r"[.,]([0-9]{1,6})[0-9]*", ".$1")
        .str.replace(r" *(?:[zZ])$", "+00:00")
        .str.replace(r" +([+-])", "$1")
    )
    found = pl.Series([None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(texts))
    for form in _TIME_FORMATS:
        read = whole.str.to_datetime(f"{form}%#z", strict=False)  # UTC, as it has zones
        naive = whole.str.to_datetime(form, strict=False)
        for times in (read, localized(naive, zone)):
            found = found.zip_with(found.is_not_null(), times)
    return _of_known_years(found)


def localized(times: pl.Series, zone: str) -> pl.Series:
    """Times without a zone as moments; null for one that the zone's clock skips or repeats."""
    known = times.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    return known.dt.convert_time_zone("UTC")


def _of_known_years(times: pl.Series) -> pl.Series:
    """Arrow and Delta know the years 1 to 9999."""
    known = times.dt.year().is_between(1, 9999)
    return pl.select(pl.when(known).then(times)).to_series()


def _dates(texts: pl.Series) -> pl.Series:
    written = _matching(texts.str.strip_chars(), _DATE)
    found = written.str.to_date("%Y-%m-%d", strict=False)
    return pl.select(pl.when(found.dt.year() >= 1).then(found)).to_series()


def _arrays(texts: pl.Series) -> pl.Series:
    """JSON (`["a"]`) or PostgreSQL's own form (`{a,b}`); few are different, each is read once."""
    return _looked_up(texts, texts.drop_nulls().unique(), read_array, pl.List(pl.String))


def read_array(text: str) -> list[str | None] | None:
    """The items that a text lists; None if it lists none."""
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        return _postgres_items(stripped[1:-1])
    try:
        items = decoded(stripped)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
        return None
    return [None if item is None else _item(item) for item in items]


def _item(item: str | bool) -> str:  # noqa: FBT001 - a value of JSON
    return str(item) if isinstance(item, str) else json.dumps(item)


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


#: Contract type -> how a column of texts is read.
_READERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "timestamp": _timestamps,
    "date": _dates,
    "array<string>": _arrays,
}
