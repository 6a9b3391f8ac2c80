"""Making the operational tables of the packs in an empty database: `chimera source init`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.packs import active_packs
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import source_database
from chimera_assets.sources.ddl import read_ddl
from chimera_assets.sources.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Any number that is ours: two of us making the tables at once wait for each other.
_LOCK = "SELECT pg_advisory_xact_lock(4811203)"
#: As for the platform's own database: nothing of ours holds a lock for as long.
_BOUND_WAITS = "SET LOCAL lock_timeout = '30s'"


def init_source(url: str) -> None:
    """Make the operational tables of the packs, and their indexes, where they are missing.

    Tables that exist are left as they are, with whatever columns they have.

    Raises:
        PackError: A script has statements that are not for it; the database was not asked.
        ChimeraError: The database refuses a statement; names its file and line.
        SourceError: The database cannot be reached.
    """
    scripts = [pack.source_ddl for pack in active_packs() if pack.source_ddl.is_file()]
    wanted = [(script, statement) for script in scripts for statement in read_ddl(script)]
    database = source_database(url)
    with database.connect() as connection:
        with database.explained():
            execute(connection, _BOUND_WAITS)
            execute(connection, _LOCK)
        for script, statement in wanted:
            with _placed(script, statement.line), database.explained():
                execute(connection, statement.sql)
        connection.commit()


@contextmanager
def _placed(script: Path, line: int) -> Iterator[None]:
    """Say of a refused statement where it stands."""
    try:
        yield
    except SourceError as error:
        if error.transient:
            raise
        msg = f"{script}:{line}: {error}"
        raise ChimeraError(msg) from None
