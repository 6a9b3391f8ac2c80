"""What only the owner of the audit log's tables can do, and a superuser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from chimera_assets.settings import Settings

_GUARDS = (
    "ALTER TABLE audit.entries {} append_only",
    "ALTER TABLE audit.details {} never_changed",
    "ALTER TABLE audit.checkpoints {} append_only",
)


def as_owner(logins: Settings) -> psycopg.Connection[dict[str, Any]]:
    """A connection that owns the tables."""
    return psycopg.connect(str(logins.database_owner_url), row_factory=dict_row)


def tamper(logins: Settings, *statements: str) -> None:
    """Change what the triggers guard, and put the triggers back."""
    with as_owner(logins) as connection:
        for guard in _GUARDS:
            connection.execute(guard.format("DISABLE TRIGGER").encode())
        for statement in statements:
            connection.execute(statement.encode())
        for guard in _GUARDS:
            connection.execute(guard.format("ENABLE ALWAYS TRIGGER").encode())
