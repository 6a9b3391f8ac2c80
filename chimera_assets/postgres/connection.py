"""Connections to PostgreSQL through ADBC, with errors that a user can read."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from adbc_driver_postgresql import dbapi

from chimera_assets.postgres.address import Address, is_lost
from chimera_assets.postgres.known_types import connected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What a user whose `quote_all_identifiers` is on has to be spared. Not asked of everybody: poolers
#: refuse such options.
_PLAIN_NAMES = "-c quote_all_identifiers=off"

#: A connection, for callers that know nothing of the driver.
Connection: TypeAlias = dbapi.Connection


@dataclass(frozen=True, slots=True)
class Database(Address):
    """A database that is read and loaded in Arrow."""

    @contextmanager
    def connect(self, *, autocommit: bool = False) -> Iterator[dbapi.Connection]:
        """A connection, closed at the end; without autocommit its transaction is rolled back then.

        Raises:
            DatabaseError: The URL cannot be used, or the database cannot be reached or refuses.
        """
        with closing(self.open(autocommit=autocommit)) as connection, self.explained():
            yield connection

    def open(self, *, autocommit: bool = False) -> dbapi.Connection:
        """A connection that the caller closes.

        Raises:
            DatabaseError: The URL cannot be used, or the database cannot be reached or refuses.
        """
        try:
            return connected(self.normal_url(), autocommit=autocommit) or connected(
                self.normal_url(_PLAIN_NAMES), autocommit=autocommit
            )
        except dbapi.Error as error:
            raise self.connect_error(message(error)) from None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the driver's errors into a `DatabaseError` of one line."""
        try:
            yield
        except dbapi.Error as error:
            state, lost = error.sqlstate or "", is_lost(error)
            raise self.statement_error(message(error), state, lost=lost) from None

    @contextmanager
    def explained_stream(self) -> Iterator[None]:
        """The same for reading on in a stream: pyarrow gives libpq's words, and no SQLSTATE."""
        try:
            with self.explained():
                yield
        except OSError as error:
            raise self.stream_error(message(error), lost=is_lost(error)) from None


def execute(
    connection: dbapi.Connection, sql: str, parameters: Sequence[object] | None = None
) -> list[dict[str, Any]]:
    """Run one statement and return its rows, if it gives any, as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table().to_pylist() if cursor.description else []


def message(error: Exception) -> str:
    """The driver's message without its wrapping."""
    text = re.sub(r"Query was:.*", "", str(error), flags=re.DOTALL)
    return re.sub(
        r"^.*?(\[libpq\] )?(Failed to connect: |(ERROR|FATAL): +)", "", text, flags=re.DOTALL
    )
