"""Making the operational tables in an empty database: `chimera source init`."""

from __future__ import annotations

from importlib.resources import files

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import connect

#: Any number that is ours: two of us making the tables at once wait for each other.
_LOCK = "SELECT pg_advisory_xact_lock(4811203)"


def init_source(url: str) -> None:
    """Make the operational tables and their indexes where they are missing.

    Tables that exist are left as they are, with whatever columns they have.

    Raises:
        SourceError: The database cannot be reached, or refuses.
    """
    script = (files("chimera_assets.sources") / "schema.sql").read_text()
    with connect(url) as connection:
        execute(connection, _LOCK)
        for statement in script.split(";\n"):
            if statement.strip():
                execute(connection, statement)
        connection.commit()
