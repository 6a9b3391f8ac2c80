"""The source table that a contract asks for, as SQL of PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.contracts.model import UNMAPPED

if TYPE_CHECKING:
    from chimera_assets.contracts.model import Column, Contract

_TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
    "array<string>": "text[]",
}
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def source_ddl(contract: Contract) -> str:
    """Statements that make the table where it is missing, and the indexes that extraction uses.

    Columns that an expression computes stand in it as comments: only whoever wrote the expression
    knows of what types those are that it reads.
    """
    columns = [one for one in contract.columns if one.name != UNMAPPED]
    plain = [one for one in columns if one.transform is None]
    lines = [f"    {_named(one)} {_type(one)}{' NOT NULL' * one.required}" for one in plain]
    key = [contract.column(name) for name in contract.key]
    if all(one.transform is None for one in key):
        lines.append(f"    PRIMARY KEY ({', '.join(map(_named, key))})")
    computed = [
        f"    -- {one.name} is computed: {' '.join(str(one.transform).split())}"
        for one in columns
        if one.transform is not None
    ]
    body = "\n".join([",\n".join(lines), *computed])
    made = [f"CREATE TABLE IF NOT EXISTS {contract.source_table} (\n{body}\n);"]
    times = dict.fromkeys(name for name in (contract.event_time, contract.arrival_time) if name)
    for time in map(contract.column, times):
        if time.transform is None:
            index = f"{contract.stream}_{time.name}"
            made.append(
                f"CREATE INDEX IF NOT EXISTS {index} ON {contract.source_table} ({_named(time)});"
            )
    return "\n".join(made) + "\n"


def _named(column: Column) -> str:
    name = column.source_name
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _type(column: Column) -> str:
    if column.decimal is not None:
        return f"numeric({column.decimal[0]}, {column.decimal[1]})"
    return "timestamp" if column.timezone is not None else _TYPES[column.type]
