"""The operational database, and what its errors are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import Database
from chimera_assets.sources.errors import SourceError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from adbc_driver_postgresql import dbapi


def source_database(url: str) -> Database:
    """The operational database at a URL; what goes wrong with it is a `SourceError`."""
    return Database(url, setting="CHIMERA_SOURCE_DATABASE_URL", error=SourceError)


def connect(url: str, *, autocommit: bool = False) -> AbstractContextManager[dbapi.Connection]:
    """A connection to it, closed at the end; without autocommit it is rolled back then.

    Raises:
        SourceError: The URL cannot be used, or the database cannot be reached or refuses.
    """
    return source_database(url).connect(autocommit=autocommit)
