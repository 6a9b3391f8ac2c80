"""What the rows of an hour come to, alike in PostgreSQL and in DuckDB: how many, and which.

Rows are compared by the sum of a hash of each, whatever their order: the first 60 bits of the MD5
of a text, which both engines know. One is of the key, one of all values that have a text in both.
Floating-point numbers have none: they are added up, as they are and weighed by the key's hash, so
that two that were swapped are noticed. What the lake could not hold is left out on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.sources.catalogue import identifier
from chimera_assets.sources.query import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.sources.catalogue import SourceColumn, SourceTable

#: No text has these: one is between values, one stands for null.
_BETWEEN, _NULL = "chr(31)", "chr(30)"

_HEX_DIGITS = 15
_HASHES = 2 ** (4 * _HEX_DIGITS)

#: An exact number is added up in three parts, as the sum may have more digits than one has.
LARGE = 10**18


def comparable(contract: Contract, table: SourceTable) -> list[Column]:
    """The columns that the source has as the lake has them; not those that are read from texts."""
    return [
        column
        for column in contract.columns
        if column.type == "string" or table.columns[column.name].type != "text"
    ]


def is_float(column: Column) -> bool:
    """Whether a column has no text that is the same in both."""
    return column.type == "number" and column.decimal is None


def numbers(columns: Sequence[Column]) -> list[Column]:
    """The columns that are added up."""
    return [column for column in columns if column.type in {"integer", "number"}]


def source_sums(contract: Contract, table: SourceTable, columns: Sequence[Column]) -> str:
    """What is selected of the source's rows, all of it texts; `columns` are those compared.

    `rows`; `keys` and `values`, the hashes; of each number `s0`, `s1`, … and of those of floating
    point `w0` (weighed) and `a0` (without sign) beside it.
    """
    texts = {c.name: _source_text(c, table.columns[c.name]) for c in columns if not is_float(c)}
    keys = _source_hash([texts[name] for name in contract.key if name in texts])
    values = _source_hash(list(texts.values()))
    parts = {"rows": "count(*)", "keys": f"sum({keys})", "values": f"sum({values})"}
    for number, column in enumerate(numbers(columns)):
        value = _source_number(column, table.columns[column.name])
        parts[f"s{number}"] = f"sum({value})"
        if is_float(column):
            parts[f"w{number}"] = f"sum({value} * {keys} / {_HASHES})"
            parts[f"a{number}"] = f"sum(abs({value}))"
    return ", ".join(f'{sql}::text AS "{name}"' for name, sql in parts.items())


def lake_sums(contract: Contract, columns: Sequence[Column]) -> str:
    """The same of the lake's rows, for DuckDB.

    Args:
        contract: The contract.
        columns: Those that are comparable.
    """
    texts = {column.name: _lake_text(column) for column in columns if not is_float(column)}
    keys = _lake_hash([texts[name] for name in contract.key if name in texts])
    values = _lake_hash(list(texts.values()))
    parts = {"rows": "count(*)", "keys": f"sum({keys})", "values": f"sum({values})"}
    for number, column in enumerate(numbers(columns)):
        name = identifier(column.name)
        if is_float(column):
            value = f"CASE WHEN isfinite({name}) THEN {name} END"
            parts[f"s{number}"] = f"fsum({value})"
            parts[f"w{number}"] = f"fsum({value} * ({keys} / {_HASHES}.0))"
            parts[f"a{number}"] = f"fsum(abs({value}))"
        else:
            parts[f"s{number}"] = _exact_sum(column)
    return ", ".join(f'CAST({sql} AS VARCHAR) AS "{name}"' for name, sql in parts.items())


def _joined(texts: Sequence[str]) -> str:
    return f" || {_BETWEEN} || ".join(f"coalesce({text}, {_NULL})" for text in texts) or "''"


def _source_hash(texts: Sequence[str]) -> str:
    hashed = f"md5(convert_to({_joined(texts)}, 'UTF8'))"
    return f"('x' || substr({hashed}, 1, {_HEX_DIGITS}))::bit({4 * _HEX_DIGITS})::bigint"


def _lake_hash(texts: Sequence[str]) -> str:
    return f"CAST('0x' || substr(md5({_joined(texts)}), 1, {_HEX_DIGITS}) AS BIGINT)"


def _source_text(column: Column, source: SourceColumn) -> str:
    value = readable(source, column)
    if column.type == "timestamp":
        return f"(extract(epoch FROM {value}) * 1000000)::bigint::text"
    if column.type == "array<string>":
        return f"(cardinality({value})::text || array_to_string({value}, {_BETWEEN}, {_NULL}))"
    if column.decimal:
        precision, scale = column.decimal
        return f"({_source_number(column, source)})::numeric({precision}, {scale})::text"
    return f"({value})::text"


def _lake_text(column: Column) -> str:
    name = identifier(column.name)
    if column.type == "array<string>":
        items = f"list_transform({name}, lambda item: coalesce(item, {_NULL}))"
        return f"(CAST(len({name}) AS VARCHAR) || array_to_string({items}, {_BETWEEN}))"
    return f"CAST({f'epoch_us({name})' if column.type == 'timestamp' else name} AS VARCHAR)"


def _source_number(column: Column, source: SourceColumn) -> str:
    value = readable(source, column)
    if is_float(column):
        return f"CASE WHEN abs({value}) < 'Infinity' THEN ({value})::numeric END"
    if column.decimal is None:
        return f"({value})::numeric"
    precision, scale = column.decimal
    number = f"({value})::numeric"
    fits = f"{number} = round({number}, {scale}) AND abs({number}) < 1e{precision - scale}"
    return f"CASE WHEN {fits} THEN {number} END"


def _exact_sum(column: Column) -> str:
    name = identifier(column.name)
    if column.decimal is None:
        return f"sum({name})"
    whole = f"CAST(trunc({name}) AS HUGEINT)"
    parts = (f"{whole} // {LARGE}", f"{whole} % {LARGE}", f"{name} - trunc({name})")
    return " || ' ' || ".join(f"CAST(sum({part}) AS VARCHAR)" for part in parts)
