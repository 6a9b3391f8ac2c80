"""Which version the tables of the platform's database are of: one query, without Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from chimera_assets.postgres.errors import DatabaseError

if TYPE_CHECKING:
    from chimera_assets.postgres.address import Address
    from chimera_assets.postgres.platform.session import Session

#: The version that this release works with: the newest of `migrations/versions`.
EXPECTED = "0003"

_QUERY = "SELECT version_num FROM platform.alembic_version"
#: Nothing was made yet, or not for this login.
_NOT_YET = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
)


def version(session: Session) -> str | None:
    """The version of the tables; None if this login sees none.

    Raises:
        psycopg.Error: The database cannot be asked.
    """
    try:
        found = session.execute(_QUERY).fetchone()
    except _NOT_YET:
        return None
    return str(found["version_num"]) if found is not None else None


def refuse_newer(found: str | None, address: Address) -> None:
    """See that the tables are not of a later release, which nobody here understands.

    Raises:
        DatabaseError: They are.
    """
    if found is not None and found > EXPECTED:
        raise DatabaseError(
            address.setting,
            f"expected tables of version {EXPECTED} or older, found version {found}",
            remedy="install the release that made them, or a newer one",
        )
