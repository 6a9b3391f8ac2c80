"""What a source table holds, by PostgreSQL's catalogue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi

from chimera_assets.postgres.connection import execute
from chimera_assets.sources import naive_times

if TYPE_CHECKING:
    from chimera_assets.contracts import Column

#: SQLSTATE of a table's name that is not even one: bad syntax, too many dots, another database's.
_INVALID_NAMES = {"42602", "42601", "0A000", "22023"}

#: The table of a name, if what is called so has rows.
_RELATION = """
    SELECT (SELECT pg_class.oid::regclass::text FROM pg_class
            WHERE pg_class.oid = to_regclass($1) AND relkind IN ('r', 'p', 'v', 'm', 'f'))
        AS relation
"""
#: What `to_regclass` does not find may be written in another case than it is called.
_FOLDED = """
    SELECT pg_class.oid::regclass::text AS relation
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace,
         parse_ident($1) AS parts
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
      AND lower(relname) = lower(parts[cardinality(parts)])
      AND CASE cardinality(parts) WHEN 1 THEN pg_table_is_visible(pg_class.oid)
          WHEN 2 THEN lower(nspname) = lower(parts[1]) ELSE false END
"""

_TABLES = """
    SELECT pg_class.oid::regclass::text AS name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT LIKE 'pg\\_%'
      AND nspname <> 'information_schema'
    ORDER BY 1 LIMIT 1000
"""
#: A domain keeps the size itself: its columns have none, and `numeric(20,10)` is said there.
_DECLARED = """
    WITH RECURSIVE typed AS (
        SELECT attname::text AS name, atttypid AS type, atttypmod AS size
        FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT name, typbasetype, typtypmod
        FROM typed JOIN pg_type ON oid = type AND typtype = 'd'
    )
    SELECT name, format_type(type, size) AS declared
    FROM typed JOIN pg_type ON oid = type AND typtype <> 'd'
"""

#: The server sees through domains. `{typed}` is of columns or expressions: number, name, type.
_SEEN_THROUGH = """
    WITH RECURSIVE typed AS (
        {typed}
        UNION ALL
        SELECT number, name, typbasetype
        FROM typed JOIN pg_type ON oid = type AND typtype = 'd'
    )
    SELECT name, format_type(type, NULL) AS declared,
           CASE own.typname WHEN 'citext' THEN 'citext' ELSE format_type(type, NULL) END AS type,
           coalesce(element.typtype, own.typtype) = 'e' AS is_enum,
           coalesce(element.typcategory, own.typcategory) = 'S'
               AND pg_encoding_to_char(pg_database.encoding) = 'SQL_ASCII' AS may_be_any_bytes
    FROM typed
    JOIN pg_type AS own ON own.oid = type AND own.typtype <> 'd'
    LEFT JOIN pg_type AS element ON element.oid = own.typelem AND own.typcategory = 'A'
    JOIN pg_database ON datname = current_database()
    ORDER BY number
"""
_COLUMNS = _SEEN_THROUGH.format(
    typed="""
        SELECT attnum::int4 AS number, attname::text AS name, atttypid AS type
        FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
    """
)
#: A row of nulls has the table's types.
_EXPRESSION = _SEEN_THROUGH.format(
    typed="""
        SELECT 1 AS number, {name}::text AS name, pg_typeof({expression})::oid AS type
        FROM (SELECT (NULL::{table}).*) AS own
    """
)

#: Contract types that PostgreSQL has to make; the driver reads all else as it is, and widening
#: numbers is quicker in Arrow.
_CAST = {"string": "text", "array<string>": "text[]"}


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a source table, or what a contract makes of several.

    Attributes:
        name: Its name; of a contract's column the contract's.
        type: The type of its value, a domain's is the one below it; without the schema of an
            extension.
        is_enum: Whether its type, or that of its elements, is an enum.
        may_be_any_bytes: Whether it has text that the server does not check (`SQL_ASCII`).
        declared: Its type as SQL can name it here.
        expression: SQL of what the source has, if it is not the column of that name.
        zone: The zone of times that have none, as a text of SQL; else empty.
    """

    name: str
    type: str
    is_enum: bool
    may_be_any_bytes: bool = False
    declared: str = ""
    expression: str = ""
    zone: str = ""

    @property
    def quoted(self) -> str:
        """Its name as an identifier of SQL."""
        return identifier(self.name)

    @property
    def literal(self) -> str:
        """Its name as a text of SQL."""
        return text(self.name)

    @property
    def written(self) -> str:
        """SQL of what the source has."""
        return self.expression or self.quoted

    @property
    def sql(self) -> str:
        """SQL of its value, of the type that it has."""
        return naive_times.moment(self.written, self.zone) if self.zone else self.written

    def in_zone(self, zone: str) -> SourceColumn:
        """The same, its times without a zone read in one."""
        return replace(
            self, type="timestamp with time zone", declared="timestamptz", zone=text(zone)
        )

    def between(self, start: str, end: str) -> str:
        """SQL for whether it lies between two moments; an index on what is written serves."""
        within = f"{self.sql} >= {start} AND {self.sql} < {end}"
        if not self.zone:
            return within
        return f"{naive_times.may_be_between(self.written, self.zone, start, end)} AND {within}"

    def read_as(self, wanted: Column) -> str:
        """SQL that reads it as a contract's column."""
        if wanted.decimal is not None:
            return f"{self.sql}::text"
        if self.type == "numeric":
            return f"{self.sql}::double precision"
        if self.type == "text" and self.expression and wanted.type != "string":
            return self.sql  # of an expression; read as a text of a file is
        target = _CAST.get(wanted.type, self.type)
        return self.sql if self.type == target else f"{self.sql}::{target}"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source table.

    Attributes:
        quoted: Its name, quoted by the server.
        columns: Its columns by name; of one that a contract reads, the contract's.
        further: Names of its columns that the contract does not read.
        absent: Names of the contract's columns that it lacks, and may lack.
    """

    quoted: str
    columns: dict[str, SourceColumn]
    further: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def identifier(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as a literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def find_table(connection: dbapi.Connection, name: str) -> SourceTable | None:
    """The table or view of that name, written as in SQL; None if there is none.

    A name that SQL would not find may be written in another case than the only one of its letters.
    """
    try:
        relation = execute(connection, _RELATION, [name])[0]["relation"]
        if relation is None:
            folded = execute(connection, _FOLDED, [name])
            relation = folded[0]["relation"] if len(folded) == 1 else None
    except dbapi.Error as error:
        if error.sqlstate in _INVALID_NAMES:
            return None
        raise
    if relation is None:
        return None
    columns = [SourceColumn(**row) for row in execute(connection, _COLUMNS, [relation])]
    return SourceTable(relation, {column.name: column for column in columns})


def table_id(connection: dbapi.Connection, table: SourceTable) -> int:
    """The id of a table, whatever it is called."""
    return int(execute(connection, "SELECT $1::regclass::oid::int8 AS id", [table.quoted])[0]["id"])


def table_name(connection: dbapi.Connection, oid: int) -> str:
    """What SQL calls a table here."""
    found = execute(connection, "SELECT $1::int8::oid::regclass::text AS name", [oid])
    return str(found[0]["name"])


def table_names(connection: dbapi.Connection) -> list[str]:
    """The tables and views of the database, as SQL names them here; so many at most."""
    return [row["name"] for row in execute(connection, _TABLES)]


def declared_types(connection: dbapi.Connection, table: SourceTable) -> dict[str, str]:
    """Column -> its type with all that it says of its size, a domain's is the one below it."""
    rows = execute(connection, _DECLARED, [table.quoted])
    return {row["name"]: row["declared"] for row in rows}


def expression_type(
    connection: dbapi.Connection, table: SourceTable, name: str, expression: str
) -> SourceColumn:
    """What an expression over the columns of a table gives, as a column.

    Raises:
        dbapi.Error: The server does not take it.
    """
    sql = _EXPRESSION.format(name=text(name), expression=expression, table=table.quoted)
    (row,) = execute(connection, sql)
    return SourceColumn(**row, expression=expression)
