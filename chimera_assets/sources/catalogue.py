"""What a source table holds, as PostgreSQL's catalogue tells it, and whether a contract fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.sources.connection import describe, execute
from chimera_assets.sources.errors import ColumnMismatch, SourceError, SourceSchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adbc_driver_postgresql import dbapi

    from chimera_assets.contracts import Column, Contract

#: The server quotes every identifier that goes into our SQL.
_COLUMNS = """
    SELECT to_regclass($1)::text AS relation, attname::text AS name, quote_ident(attname) AS quoted,
           quote_literal(attname) AS literal,
           format_type(atttypid, NULL) AS type, typtype = 'e' AS is_enum
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum
"""

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("text", "character varying", "character", "uuid", "name", "citext")

#: Contract type -> the PostgreSQL types that hold it, and the type it is read as.
_FITTING: Mapping[str, tuple[tuple[str, ...], str]] = {
    "string": (_TEXTS, "text"),
    "integer": (_INTEGERS, "bigint"),
    "number": ((*_INTEGERS, "real", "double precision", "numeric"), "double precision"),
    "boolean": (("boolean",), "boolean"),
    "timestamp": (("timestamp with time zone",), "timestamp with time zone"),
    "date": (("date",), "date"),
    "array<string>": (tuple(f"{text}[]" for text in _TEXTS), "text[]"),
}


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a source table: its name (also quoted, as identifier and as text) and type."""

    name: str
    quoted: str
    literal: str
    type: str
    is_enum: bool


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source table: its name, quoted by the server, and its columns by name."""

    quoted: str
    columns: dict[str, SourceColumn]

    def read_as(self, column: Column) -> str:
        """SQL that reads a column in the contract's type."""
        found = self.columns[column.name]
        target = _FITTING[column.type][1]
        return found.quoted if found.type == target else f"{found.quoted}::{target}"


def inspect(connection: dbapi.Connection, url: str, contract: Contract) -> SourceTable:
    """The source table of a contract.

    Raises:
        SourceError: There is no such table, or this user may not see it.
        SourceSchemaError: It lacks columns of the contract, or has them in types that do not fit.
    """
    rows = execute(connection, _COLUMNS, [contract.source_table])
    if not rows:
        raise SourceError(
            describe(url),
            f"expected a table {contract.source_table}, found none",
            remedy="make it with `chimera source init`, or set CHIMERA_SOURCE_DATABASE_URL",
        )
    relation = rows[0]["relation"]
    columns = {
        row["name"]: SourceColumn(**{k: v for k, v in row.items() if k != "relation"})
        for row in rows
    }
    wrong = [m for c in contract.columns if (m := _mismatch(c, columns.get(c.name)))]
    if wrong:
        raise SourceSchemaError(describe(url), contract.source_table, contract.stream, wrong)
    return SourceTable(relation, columns)


def _mismatch(column: Column, found: SourceColumn | None) -> ColumnMismatch | None:
    fitting, _ = _FITTING[column.type]
    expected = f"{column.type} ({' or '.join(fitting)})"
    if found is None:
        return ColumnMismatch(column.name, expected, "no such column", "add it")
    if found.type in fitting or (column.type == "string" and found.is_enum):
        return None
    remedy = "change its type"
    if column.type == "timestamp" and found.type == "timestamp without time zone":
        remedy = f"a time needs its zone: read it from a view, {found.quoted} AT TIME ZONE 'UTC'"
    return ColumnMismatch(column.name, expected, found.type, remedy)
