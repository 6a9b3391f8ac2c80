"""A column of texts, drafted: of the narrowest type that all of them are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts import Column
from chimera_assets.contracts.drafting import DraftColumn
from chimera_assets.sources.text_values import read_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_ZONED = r"(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)$"


def of_texts(name: str, source_name: str, given: pl.Series, kinds: Sequence[str]) -> DraftColumn:
    """A column of texts.

    Args:
        name: What the contract would call it.
        source_name: What it is called in the file.
        given: The texts, null where there is none.
        kinds: The types that they may be of besides string, the narrowest first.
    """
    kind, values = _narrowest(given, kinds)
    zoned = bool(given.drop_nulls().str.contains(_ZONED).any())
    is_naive = kind == "timestamp" and not zoned
    return DraftColumn(name, source_name, kind, values, is_naive=is_naive)


def column_of(kind: str, decimal: tuple[int, int] | None = None) -> Column:
    """A column of a contract that is to be of a type, and nothing else."""
    return Column(
        "value", kind, required=False, description="", classification="L1", decimal=decimal
    )


def _narrowest(given: pl.Series, kinds: Sequence[str]) -> tuple[str, pl.Series]:
    known = given.drop_nulls()
    # A number has no zeros before it; a postcode has.
    is_code = bool(known.str.contains(r"^0[0-9]").any())
    for kind in kinds:
        if known.is_empty() or (is_code and kind in {"integer", "number"}):
            continue
        values = read_texts(column_of(kind), given)
        if values.null_count() == given.null_count():
            return kind, values
    return "string", given
