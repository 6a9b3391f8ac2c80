"""Which values of PostgreSQL Arrow cannot hold: they are read as null, and their text is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.sources import naive_times

if TYPE_CHECKING:
    from chimera_assets.sources.catalogue import SourceColumn

#: PostgreSQL type -> when a value of it cannot be represented; null where the value is null.
_UNREADABLE = {
    "timestamp with time zone": (
        "({0} < '0001-01-01 00:00+00'::timestamptz OR {0} >= '10000-01-01 00:00+00'::timestamptz)"
    ),
    "date": "({0} < '0001-01-01'::date OR {0} >= '10000-01-01'::date)",
    # NaN and the infinities are fine: double precision has them.
    "numeric": (
        "({0} <> 0 AND abs({0}) < 'Infinity' AND abs({0}) NOT BETWEEN 1e-300 AND 1.79e308)"
    ),
}
_UNREADABLE_ARRAY = "(array_ndims({0}) > 1 OR array_lower({0}, 1) <> 1)"


#: Bytes that are UTF-8, in hexadecimal (RFC 3629); braces are doubled for `format`.
_UTF8_HEX = (
    "^([0-7].|(c[2-9a-f]|d.)[89ab].|e0[ab].[89ab].|e[1-9abcef][89ab].[89ab].|ed[89].[89ab]."
    "|f0[9ab].([89ab].){{2}}|f[1-3]([89ab].){{3}}|f48.([89ab].){{2}})*$"
)


def unreadable_when(column: SourceColumn) -> str | None:
    """SQL that is true where the column's value cannot be read; None if all of them can be."""
    is_array = column.type.endswith("[]")
    known = _UNREADABLE_ARRAY if is_array else _UNREADABLE.get(column.type)
    if column.may_be_any_bytes:
        whole = "array_to_string({0}, '')" if is_array else "{0}::text"
        broken = f"encode(convert_to({whole}, 'SQL_ASCII'), 'hex') !~ '{_UTF8_HEX}'"
        known = f"({known} OR {broken})" if known else f"({broken})"
    told = known.format(column.sql) if known else None
    if not column.zone:
        return told
    return f"({naive_times.is_untold(column.written, column.zone)} OR {told})"


def original_text(column: SourceColumn) -> str:
    """SQL for the text of a value that cannot be read; bytes that are no text as escapes."""
    text = f"{column.written}::text"
    return f"encode(convert_to({text}, 'SQL_ASCII'), 'escape')" if column.may_be_any_bytes else text
