"""What a source table holds, by PostgreSQL's catalogue, and whether a contract fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi

from chimera_assets.contracts import contracts
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.errors import ColumnMismatch, SourceSchemaError, SourceTableMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Column, Contract

#: SQLSTATE of a table's name that is not even one: bad syntax, too many dots, another database's.
_INVALID_NAMES = {"42602", "42601", "0A000"}

#: The server quotes every identifier that goes into our SQL, and sees through domains.
_COLUMNS = """
    WITH RECURSIVE typed AS (
        SELECT attnum, attname, atttypid AS type
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid = to_regclass($1) AND relkind IN ('r', 'p', 'v', 'm', 'f')
          AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT attnum, attname, typbasetype
        FROM typed JOIN pg_type ON oid = type AND typtype = 'd'
    )
    SELECT to_regclass($1)::text AS relation, attname::text AS name, quote_ident(attname) AS quoted,
           quote_literal(attname) AS literal, format_type(type, NULL) AS declared,
           CASE own.typname WHEN 'citext' THEN 'citext' ELSE format_type(type, NULL) END AS type,
           coalesce(element.typtype, own.typtype) = 'e' AS is_enum,
           coalesce(element.typcategory, own.typcategory) = 'S'
               AND pg_encoding_to_char(pg_database.encoding) = 'SQL_ASCII' AS may_be_any_bytes
    FROM typed
    JOIN pg_type AS own ON own.oid = type AND own.typtype <> 'd'
    LEFT JOIN pg_type AS element ON element.oid = own.typelem AND own.typcategory = 'A'
    JOIN pg_database ON datname = current_database()
    ORDER BY attnum
"""

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("text", "character varying", "character", "uuid", "name", "citext")

#: Contract type -> the PostgreSQL types that hold it.
_FITTING: Mapping[str, tuple[str, ...]] = {
    "string": _TEXTS,
    "integer": _INTEGERS,
    "number": (*_INTEGERS, "real", "double precision", "numeric"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp with time zone",),
    "date": ("date",),
    "array<string>": tuple(f"{text}[]" for text in _TEXTS),
}

#: Contract types that PostgreSQL has to make; the driver reads all else as it is, and widening
#: numbers is quicker in Arrow.
_CAST = {"string": "text", "array<string>": "text[]"}


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a source table.

    Attributes:
        name: Its name.
        quoted: The same as an identifier of SQL.
        literal: The same as a text of SQL.
        type: Its type, a domain's is the one below it; without the schema of an extension.
        is_enum: Whether its type, or that of its elements, is an enum.
        may_be_any_bytes: Whether it has text that the server does not check (`SQL_ASCII`).
        declared: Its type as SQL can name it here.
    """

    name: str
    quoted: str
    literal: str
    type: str
    is_enum: bool
    may_be_any_bytes: bool = False
    declared: str = ""

    def read_as(self, wanted: str) -> str:
        """SQL that reads the column as a contract's type."""
        if self.type == "numeric":
            return f"{self.quoted}::double precision"
        target = _CAST.get(wanted, self.type)
        return self.quoted if self.type == target else f"{self.quoted}::{target}"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source table: its name, quoted by the server, and its columns by name."""

    quoted: str
    columns: dict[str, SourceColumn]


def inspect(connection: dbapi.Connection, url: str, contract: Contract) -> SourceTable:
    """The source table of a contract.

    Raises:
        SourceError: There is no such table, or this user may not see it.
        SourceSchemaError: It lacks columns of the contract, or has them in types that do not fit.
    """
    table = find_table(connection, contract.source_table)
    if table is None:
        raise SourceTableMissing(
            describe(url),
            f"expected a table {contract.source_table}, found none",
            remedy=f"{_made_by(contract)}, set CHIMERA_SOURCE_DATABASE_URL, or correct "
            f"physicalName in {contract.path}",
        )
    wrong = [m for c in contract.columns if (m := _mismatch(c, table.columns.get(c.name)))]
    if wrong:
        raise SourceSchemaError(describe(url), contract.source_table, contract.stream, wrong)
    return table


def _made_by(contract: Contract) -> str:
    """What makes the table of a contract."""
    if contract.stream in contracts().packs:
        return "make it with `chimera source init`"
    return (
        "make it yourself, as `chimera source init` makes only the tables of packs, or land files "
        "for the stream (docs/landing.md)"
    )


def find_table(connection: dbapi.Connection, name: str) -> SourceTable | None:
    """The table or view of that name, written as in SQL; None if there is none."""
    try:
        rows = execute(connection, _COLUMNS, [name])
    except dbapi.Error as error:
        if error.sqlstate in _INVALID_NAMES:
            return None
        raise
    if not rows:
        return None
    columns = [SourceColumn(**{k: v for k, v in row.items() if k != "relation"}) for row in rows]
    return SourceTable(rows[0]["relation"], {column.name: column for column in columns})


def _mismatch(column: Column, found: SourceColumn | None) -> ColumnMismatch | None:
    fitting = _FITTING[column.type]
    expected = f"{column.type} ({' or '.join(fitting)})"
    if found is None:
        return ColumnMismatch(column.name, expected, "no such column", "add it")
    if found.type in fitting or (found.is_enum and _is_text(column.type, found.type)):
        return None
    remedy = "change its type"
    if column.type == "timestamp" and found.type == "timestamp without time zone":
        remedy = f"a time needs its zone: read it from a view, {found.quoted} AT TIME ZONE 'UTC'"
    return ColumnMismatch(column.name, expected, found.type, remedy)


def _is_text(wanted: str, found: str) -> bool:
    return wanted == ("array<string>" if found.endswith("[]") else "string")
