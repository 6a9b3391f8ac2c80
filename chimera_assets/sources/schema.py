"""Making the operational tables of the packs in an empty database: `chimera source init`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.packs import active_packs
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import source_database
from chimera_assets.sources.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Any number that is ours: two of us making the tables at once wait for each other.
_LOCK = "SELECT pg_advisory_xact_lock(4811203)"


def init_source(url: str) -> None:
    """Make the operational tables of the packs, and their indexes, where they are missing.

    Tables that exist are left as they are, with whatever columns they have.

    Raises:
        ChimeraError: The database refuses a statement; names its file and line.
        SourceError: The database cannot be reached.
    """
    scripts = [pack.source_ddl for pack in active_packs() if pack.source_ddl.is_file()]
    database = source_database(url)
    with database.connect() as connection:
        execute(connection, _LOCK)
        for script in scripts:
            for line, statement in statements(script):
                with _placed(script, line), database.explained():
                    execute(connection, statement)
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


def statements(script: Path) -> Iterator[tuple[int, str]]:
    """The statements of a script, each with its first line; one ends with `;` at a line's end."""
    line = 1
    for statement in script.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            before = len(statement) - len(statement.lstrip())
            yield line + statement[:before].count("\n"), statement
        line += statement.count("\n") + 1
