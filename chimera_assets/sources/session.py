"""The session in which a source is read: whatever the server's or the user's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.postgres.connection import Connection

#: One snapshot for the columns and the rows.
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SET = "SELECT set_config($1, $2, true)"
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "client_encoding": "UTF8",
    # As the reader of expressions takes texts, and as values come out elsewhere.
    "standard_conforming_strings": "on",
    "extra_float_digits": "1",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "jit": "off",  # compiling takes longer than most hours
    # Not to hide rows from us: a policy that would do so, also below a view, is an error.
    "row_security": "off",
}


def begin(connection: Connection, limits: Mapping[str, str] | None = None) -> None:
    """Begin a transaction in which texts come out the same everywhere, and all rows do.

    Args:
        connection: A connection without a transaction.
        limits: Further settings of PostgreSQL for this transaction.
    """
    execute(connection, _SNAPSHOT)
    for name, value in (_SETTINGS | dict(limits or {})).items():
        configure(connection, name, value)


def hide_own_functions(connection: Connection) -> None:
    """See PostgreSQL's functions and operators only, whatever else is called so in the database.

    Tables have to be named with their schema from here on.
    """
    configure(connection, "search_path", "pg_catalog")


def configure(connection: Connection, name: str, value: str) -> None:
    """Give the transaction a setting of PostgreSQL's, or one of ours."""
    execute(connection, _SET, [name, value])
