"""Sessions with the platform's database through psycopg, with errors that a user can read."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg.rows import dict_row

from chimera_assets.postgres.address import Address, is_lost
from chimera_assets.postgres.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A session, for callers that know nothing of the driver. Rows are dictionaries.
Session: TypeAlias = psycopg.Connection[dict[str, Any]]

#: How long a statement waits for a lock of others, where the login has no limit of its own. None of
#: ours is held for as long, not even by a migration.
LOCK_TIMEOUT = "30s"
_BOUND_WAITS = """
    SELECT set_config('lock_timeout', %s, false) WHERE current_setting('lock_timeout') = '0'
"""

_WRAPPING = re.compile(r"^connection failed: ")
#: Nobody wants to see where in our own SQL an error was found.
_PLACE = re.compile(r"\s*LINE \d+:.*", re.DOTALL)


def open_session(address: Address) -> Session:
    """A session in which each statement is a transaction of its own, unless one is opened.

    Raises:
        DatabaseError: The URL cannot be used, the database cannot be reached or refuses, or it has
            no encoding.
    """
    url = address.normal_url()
    try:
        session = psycopg.connect(
            url, autocommit=True, row_factory=dict_row, application_name="chimera"
        )
    except psycopg.Error as error:
        raise address.connect_error(_WRAPPING.sub("", str(error))) from None
    if session.info.parameter_status("server_encoding") == "SQL_ASCII":
        session.close()
        raise DatabaseError(
            address.setting,
            "expected a database whose encoding is UTF8, found SQL_ASCII",
            remedy="create database … encoding 'UTF8' template template0, and name that one",
        )
    with explained(address):
        session.execute(_BOUND_WAITS, (LOCK_TIMEOUT,))
    return session


@contextmanager
def explained(address: Address, *, remedy: str | None = None) -> Iterator[None]:
    """Turn the driver's errors into a `DatabaseError` of one line.

    Args:
        address: Whose database it is.
        remedy: What to do about it, where more is known than the SQLSTATE says.
    """
    try:
        yield
    except psycopg.Error as error:
        raise address.statement_error(
            error.diag.message_primary or _PLACE.sub("", str(error)),
            error.sqlstate or "",
            lost=is_lost(error),
            remedy=remedy,
        ) from None


def is_alive(session: Session) -> bool:
    """Whether the server still answers; some microseconds on one machine."""
    if session.closed:
        return False
    try:
        session.execute("")
    except psycopg.Error:
        session.close()
        return False
    return True
