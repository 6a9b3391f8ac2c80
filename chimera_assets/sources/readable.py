"""Which values of PostgreSQL Arrow cannot hold: they are read as null, and their text is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def unreadable_when(column: SourceColumn) -> str | None:
    """SQL that is true where the column's value cannot be read; None if all of them can be."""
    known = _UNREADABLE_ARRAY if column.type.endswith("[]") else _UNREADABLE.get(column.type)
    return known.format(column.quoted) if known else None
