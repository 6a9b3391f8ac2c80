"""Which version the tables of the platform's database are of: one query, without Alembic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg

from chimera_assets.postgres.errors import DatabaseError

if TYPE_CHECKING:
    from chimera_assets.postgres.address import Address
    from chimera_assets.postgres.platform.session import Session

#: The version that this release works with: the newest of `migrations/versions`.
EXPECTED = "0006"

_QUERY = "SELECT version_num FROM platform.alembic_version"
_NUMBER = re.compile(r"\d{4}")
_REMEDY = (
    f"bring that table back from a backup, or write into it the version of these tables, "
    f"'{EXPECTED}' if this release made them"
)
#: Nothing was made yet, or not for this login.
_NOT_YET = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
)


def versions(session: Session) -> list[str] | None:
    """The versions of the tables, one as a rule; None if this login sees no table of them.

    Raises:
        psycopg.Error: The database cannot be asked.
    """
    try:
        return [str(row["version_num"]) for row in session.execute(_QUERY).fetchall()]
    except _NOT_YET:
        return None


def require_known(found: list[str] | None, address: Address) -> str | None:
    """The one version found, if this release knows it or none is there.

    Raises:
        DatabaseError: There are several or none where one should be, or one that no release or
            only a later one has.
    """
    if found is None:
        return None
    table = "in platform.alembic_version"
    if len(found) != 1:
        problem = f"expected one version {table}, found {', '.join(sorted(found)) or 'no row'}"
        raise DatabaseError(address.setting, problem, remedy=_REMEDY)
    (one,) = found
    if _NUMBER.fullmatch(one) is None or int(one) == 0:
        problem = f"expected a version from 0001 to {EXPECTED} {table}, found {one!r}"
        raise DatabaseError(address.setting, problem, remedy=_REMEDY)
    if one > EXPECTED:
        raise DatabaseError(
            address.setting,
            f"expected tables of version {EXPECTED} or older, found version {one}",
            remedy="install the release that made them, or a newer one",
        )
    return one
