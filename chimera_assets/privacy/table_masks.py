"""Which columns of a lake table are masked: one rule for everything that shows rows of tables.

A table of a stream goes by its contract, and what the contract does not describe is masked. Tables
that models make have no contract. There a column goes by the contracts' columns that it is made of,
where a run has found that out; else by its name, which counts for as much as the highest
classification that any contract gives to a column of that name; else text is masked, and numbers
and times are shown, as they are counts and sums. A number made of a masked text is shown in
aggregates alone, and not in lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import AGGREGATES, LANDING, QUALITY, QUARANTINE, STREAM_LAYERS
from chimera_assets.privacy.masking import MASK, masked_columns
from chimera_assets.privacy.origins import origins

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chimera_assets.contracts import Contract

#: What the platform itself adds to rows.
_OWN = frozenset({*HOUR_COLUMNS, "_batch_id", "_ingested_at"})
#: The columns of quarantine that quote the row.
_QUOTING = ("record", "row_key")


def masked_of_table(
    layer: str,
    table: str,
    schema: Mapping[str, pl.DataType],
    contracts: Mapping[str, Contract],
    level: str,
) -> frozenset[str]:
    """The columns of a table that are masked from this level on.

    Args:
        layer: The table's layer.
        table: Its name.
        schema: Its columns, or those of them that are shown.
        contracts: Every contract that is known.
        level: Masked from this level on.
    """
    columns = set(schema) - _OWN
    if layer == QUALITY:
        return frozenset()  # the platform's own tables: names and numbers
    if layer == QUARANTINE:
        return frozenset(_masked_of_quarantine(contracts.get(table), level) & columns)
    if layer in {LANDING, *STREAM_LAYERS}:
        contract = contracts.get(table)
        if contract is None:
            return frozenset(columns)
        shown = set(contract.column_names) - masked_columns(contract, level)
        return frozenset(columns - shown)
    # In a row a number made of a text may be the text (its digits, its code points); over many
    # rows it is a count of them.
    counts = layer == AGGREGATES
    return frozenset(
        name
        for name in columns
        if _is_masked(table, name, schema[name], contracts, level, counts=counts)
    )


def masked_frame(rows: pl.LazyFrame, masked: Collection[str]) -> pl.LazyFrame:
    """The rows with the values of these columns masked; that there is none may be seen."""
    return rows.with_columns(
        pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name) for name in masked
    )


def _masked_of_quarantine(contract: Contract | None, level: str) -> set[str]:
    if contract is None or masked_columns(contract, level) & set(contract.key):
        return set(_QUOTING)
    return set(_QUOTING[:1])


def _is_masked(  # noqa: PLR0913 - all that it goes by
    model: str,
    column: str,
    kind: pl.DataType,
    contracts: Mapping[str, Contract],
    level: str,
    *,
    counts: bool,
) -> bool:
    inner = _inner(kind)
    known, complete = origins(model, column)
    if not complete:
        named = [one for one in contracts.values() if column in one.column_names]
        known |= {(one.stream, column) for one in named}
        if not named and not (inner.is_numeric() or inner.is_temporal() or inner == pl.Boolean):
            return True
    if (counts and kind.is_numeric()) or inner == pl.Boolean:
        known = frozenset(one for one in known if not _is_text(*one, contracts))
    return any(_hides(*one, contracts, level) for one in known)


def _inner(kind: pl.DataType) -> pl.DataType:
    """Of a list the type of what is in it."""
    return _inner(kind.inner) if isinstance(kind, pl.List) else kind  # type: ignore[arg-type]


def _hides(stream: str, column: str, contracts: Mapping[str, Contract], level: str) -> bool:
    contract = contracts.get(stream)
    if column in _OWN:
        return False
    known = contract is not None and column in contract.column_names
    return not known or column in masked_columns(contracts[stream], level)


def _is_text(stream: str, column: str, contracts: Mapping[str, Contract]) -> bool:
    contract = contracts.get(stream)
    kind = contract.polars_schema().get(column) if contract is not None else None
    return kind is not None and (kind == pl.String or kind.is_nested())
