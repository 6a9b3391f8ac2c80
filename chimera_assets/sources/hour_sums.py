"""What the rows of an hour come to, alike in PostgreSQL and in DuckDB: how many, which keys, sums.

Keys are compared as the sum of a hash of each, whatever their order: the first 60 bits of the MD5
of the key's text, which both engines know. A key of floating-point numbers has no such text and is
left out of it. Sums are of the columns of numbers; what the lake could not hold is left out on both
sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.sources.catalogue import identifier
from chimera_assets.sources.query import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.sources.catalogue import SourceColumn, SourceTable

#: No text of a key has these: one is between its columns, one stands for null.
_BETWEEN, _NULL = "chr(31)", "chr(30)"

_HEX_DIGITS = 15

_NUMBERS = frozenset(("bigint", "double precision", "integer", "numeric", "real", "smallint"))


def summed(contract: Contract, table: SourceTable) -> list[Column]:
    """The columns that are added up: numbers in the source as in the lake."""
    return [
        column
        for column in contract.columns
        if column.type in {"integer", "number"} and table.columns[column.name].type in _NUMBERS
    ]


def source_sums(contract: Contract, table: SourceTable) -> str:
    """What is selected of the source's rows: `rows`, `keys`, `s0`, `s1`, …, all of them texts."""
    parts = [_source_text(column, table.columns[column.name]) for column in _hashed(contract)]
    hashed = (
        f"('x' || substr(md5(convert_to({_joined(parts)}, 'UTF8')), 1, {_HEX_DIGITS}))"
        "::bit(60)::bigint"
    )
    sums = [
        f"sum({_source_number(column, table.columns[column.name])})::text AS s{number}"
        for number, column in enumerate(summed(contract, table))
    ]
    return ", ".join(["count(*)::text AS rows", f"sum({hashed})::text AS keys", *sums])


def lake_sums(contract: Contract, columns: Sequence[Column]) -> str:
    """The same of the lake's rows, for DuckDB.

    Args:
        contract: The contract.
        columns: What is added up, of `summed`.
    """
    parts = [_lake_text(column) for column in _hashed(contract)]
    hashed = f"CAST('0x' || substr(md5({_joined(parts)}), 1, {_HEX_DIGITS}) AS BIGINT)"
    sums = [
        f"CAST(sum({_lake_number(column)}) AS VARCHAR) AS s{number}"
        for number, column in enumerate(columns)
    ]
    rows = "CAST(count(*) AS VARCHAR) AS rows"
    return ", ".join([rows, f"CAST(sum({hashed}) AS VARCHAR) AS keys", *sums])


def _hashed(contract: Contract) -> list[Column]:
    columns = (contract.column(name) for name in contract.key)
    return [column for column in columns if column.type != "number" or column.decimal]


def _joined(parts: Sequence[str]) -> str:
    return f" || {_BETWEEN} || ".join(f"coalesce({part}, {_NULL})" for part in parts) or "''"


def _source_text(column: Column, source: SourceColumn) -> str:
    value = readable(source, column)
    if column.type == "timestamp":
        return f"(extract(epoch FROM {value}) * 1000000)::bigint::text"
    if column.decimal:
        return f"({value})::numeric({column.decimal[0]}, {column.decimal[1]})::text"
    return f"({value})::text"


def _lake_text(column: Column) -> str:
    name = identifier(column.name)
    return f"CAST({f'epoch_us({name})' if column.type == 'timestamp' else name} AS VARCHAR)"


def _source_number(column: Column, source: SourceColumn) -> str:
    value = readable(source, column)
    if column.decimal:
        precision, scale = column.decimal
        number = f"({value})::numeric"
        fits = f"{number} = round({number}, {scale}) AND abs({number}) < 1e{precision - scale}"
        return f"CASE WHEN {fits} THEN {number} END"
    if column.type == "integer":
        return f"({value})::numeric"
    number = f"({value})::double precision"
    return f"CASE WHEN abs({number}) < 'Infinity' THEN {number} END"


def _lake_number(column: Column) -> str:
    name = identifier(column.name)
    is_float = column.type == "number" and not column.decimal
    return f"CASE WHEN isfinite({name}) THEN {name} END" if is_float else name
