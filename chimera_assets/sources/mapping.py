"""A source table as its contract reads it: each of the contract's columns as SQL over the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi

from chimera_assets.contracts.json_path import is_path
from chimera_assets.contracts.model import UNMAPPED
from chimera_assets.contracts.transform import read_transform
from chimera_assets.errors import one_line
from chimera_assets.naming import named
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.connection import message
from chimera_assets.sources.catalogue import (
    SourceColumn,
    SourceTable,
    expression_type,
    find_table,
    table_id,
    table_name,
)
from chimera_assets.sources.errors import ColumnMismatch, SourceSchemaError
from chimera_assets.sources.missing_table import missing_table
from chimera_assets.sources.session import hide_own_functions
from chimera_assets.yaml_documents import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from chimera_assets.contracts import Column, Contract

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("text", "character varying", "character", "uuid", "name", "citext")
_NAIVE = "timestamp without time zone"

#: Contract type -> the PostgreSQL types that hold it.
_FITTING: Mapping[str, tuple[str, ...]] = {
    "string": (*_TEXTS, "json", "jsonb"),
    "integer": _INTEGERS,
    "number": (*_INTEGERS, "real", "double precision", "numeric"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp with time zone",),
    "date": ("date",),
    "array<string>": tuple(f"{text}[]" for text in _TEXTS),
}

#: Contract type -> the type of null that stands for a column which the source table lacks.
_NULLS: Mapping[str, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "array<string>": "text[]",
}

#: A function has at most 100 arguments.
_MOST_PAIRS = 50

#: Classes of SQLSTATE that say that an expression is at fault: its words, its types, its values.
_OF_EXPRESSIONS = ("0A", "22", "42")


def inspect(connection: dbapi.Connection, url: str, contract: Contract) -> SourceTable:
    """The source table of a contract, its columns those of the contract.

    Raises:
        SourceError: There is no such table, or this user may not see it.
        SourceSchemaError: It lacks columns of the contract, or has them in types that do not fit.
    """
    table = find_table(connection, contract.source_table)
    if table is None:
        raise missing_table(connection, url, contract)
    as_texts = set(contract.column_names) - set(_read_by_the_server(contract))
    if any(column.transform is not None for column in contract.columns):
        oid = table_id(connection, table)
        hide_own_functions(connection)
        table = replace(table, quoted=table_name(connection, oid))
    absent = _absent(contract, table)
    columns = dict(absent)
    wrong: list[ColumnMismatch] = []
    read: set[str] = set()
    # Plain columns first: an expression that the server refuses ends the transaction.
    for column in sorted(contract.columns, key=lambda one: one.transform is not None):
        if column.transform is not None and wrong:
            break
        if column.name == UNMAPPED or column.name in absent:
            continue
        found = _source_of(connection, table, column, read, contract.may_lack)
        if not isinstance(found, ColumnMismatch):
            found = _fitted(column, found, may_be_text=column.name in as_texts)
        if isinstance(found, ColumnMismatch):
            wrong.append(found)
        else:
            columns[column.name] = found
    if wrong:
        raise SourceSchemaError(describe(url), contract.source_table, contract.stream, wrong)
    further = [column for name, column in table.columns.items() if name not in read]
    if UNMAPPED in contract.column_names:
        columns[UNMAPPED], further = _as_json(further), []
    names = tuple(sorted(column.name for column in further))
    return SourceTable(table.quoted, columns, names, tuple(absent))


def _absent(contract: Contract, table: SourceTable) -> dict[str, SourceColumn]:
    """Nulls for the columns that the table need not have and does not have, by name."""
    return {
        column.name: _null(column)
        for column in contract.columns
        if column.optional_at_source and not _is_there(column, table)
    }


def _is_there(column: Column, table: SourceTable) -> bool:
    """Whether the table has the columns that a column of the contract is read from."""
    names = [column.source_name]
    if column.transform is not None:
        names = list(read_transform(column.transform).names)
    return all(named(name, table.columns) is not None for name in names)


def _null(column: Column) -> SourceColumn:
    """What stands for a column that the table need not have."""
    kind = "numeric" if column.decimal is not None else _NULLS[column.type]
    return SourceColumn(column.name, kind, is_enum=False, declared=kind, expression=f"NULL::{kind}")


def _as_json(columns: Sequence[SourceColumn]) -> SourceColumn:
    """What columns hold, as one JSON object; null if there are none."""
    pairs = [f"{column.literal}, {column.quoted}" for column in columns]
    some = (", ".join(pairs[at : at + _MOST_PAIRS]) for at in range(0, len(pairs), _MOST_PAIRS))
    # Not as jsonb, which has no room for all that json may hold; each without its braces.
    parts = [f"substr(left(json_build_object({each})::text, -1), 2)" for each in some]
    any_bytes = any(column.may_be_any_bytes for column in columns)
    inside = " || ', ' || ".join(parts)
    expression = f"('{{' || {inside} || '}}')" if parts else "NULL::text"
    return SourceColumn(
        UNMAPPED, "text", is_enum=False, may_be_any_bytes=any_bytes, expression=expression
    )


def _source_of(
    connection: dbapi.Connection,
    table: SourceTable,
    column: Column,
    read: set[str],
    may_lack: Collection[str],
) -> SourceColumn | ColumnMismatch:
    """What a column of the contract is in the source; the names that it reads are added."""
    if column.transform is not None:
        found = _transformed(connection, table, column, read, may_lack)
    elif (plain := named(column.source_name, table.columns)) is not None:
        read.add(plain.name)
        found = replace(plain, name=column.name, expression=plain.quoted)
    elif is_path(column.source_name):
        what = f"{column.source_name}, a path, which is of files"
        remedy = "use transformLogic: \"payload #>> '{usage,tokens}'\""
        return ColumnMismatch(column.name, _expected(column), what, remedy)
    else:
        what = f"no such column{_like(column.source_name, table)}"
        return ColumnMismatch(column.name, _expected(column), what, "add it")
    return found


def _transformed(
    connection: dbapi.Connection,
    table: SourceTable,
    column: Column,
    read: set[str],
    may_lack: Collection[str],
) -> SourceColumn | ColumnMismatch:
    transform = read_transform(column.transform or "")
    columns = {name: named(name, table.columns) for name in transform.names}
    for name, found in columns.items():
        if found is None and name not in may_lack:
            what = f"no column {name}{_like(name, table)}"
            expected = f"columns of the table in {column.transform}"
            return ColumnMismatch(column.name, expected, what, "correct its transformLogic")
    known = {name: found for name, found in columns.items() if found is not None}
    read.update(found.name for found in known.values())
    expression = transform.sql(lambda name: known[name].quoted if name in known else "NULL::text")
    try:
        return expression_type(connection, table, column.name, expression)
    except dbapi.Error as error:
        if not (error.sqlstate or "").startswith(_OF_EXPRESSIONS):
            raise
        what = one_line(message(error).partition("LINE 1")[0])
        expected = f"an expression that PostgreSQL takes, {column.transform}"
        return ColumnMismatch(column.name, expected, what, "correct its transformLogic")


def _read_by_the_server(contract: Contract) -> tuple[str, ...]:
    """The columns whose values the server must know: those of the hour and of the key."""
    times = (contract.event_time, contract.arrival_time)
    return (*contract.key, *(name for name in times if name is not None))


def _fitted(
    column: Column, found: SourceColumn, *, may_be_text: bool
) -> SourceColumn | ColumnMismatch:
    """The column, if its type fits; texts of an expression are read as those of files are."""
    if column.type == "timestamp" and found.type == _NAIVE and column.timezone is not None:
        return found.in_zone(column.timezone)
    if found.type in _FITTING[column.type]:
        return found
    if column.transform is not None and found.type == "text" and may_be_text:
        return found
    if found.is_enum and _is_text(column.type, found.type):
        return found
    remedy = "cast it in its transformLogic"
    if column.transform is None:
        as_text = f", or read it as text: transformLogic: {found.written}::text"
        remedy = f"change its type in the source{as_text if column.type == 'string' else ''}"
    if column.type == "timestamp" and found.type == _NAIVE:
        remedy = "say in which zone it is: logicalTypeOptions: {defaultTimezone: UTC}"
    return ColumnMismatch(column.name, _expected(column), found.type, remedy)


def _expected(column: Column) -> str:
    named_so = f" called {column.physical_name}" if column.physical_name else ""
    return f"{column.type} ({' or '.join(_FITTING[column.type])}){named_so}"


def _is_text(wanted: str, found: str) -> bool:
    return wanted == ("array<string>" if found.endswith("[]") else "string")


def _like(name: str, table: SourceTable) -> str:
    return did_you_mean(name, table.columns)
