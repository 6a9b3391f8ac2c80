"""Makes the two databases of an embedded server, and the two logins of the platform's own.

The platform's database belongs to a login that is used for migrations alone; the application's
login owns nothing in it, and cannot even make temporary tables, which could hide real ones.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chimera_assets.postgres.embedded import passwords

if TYPE_CHECKING:
    import psycopg

    from chimera_assets.postgres.embedded.cluster import Cluster

_log = logging.getLogger(__name__)

SOURCE_DATABASE = "operational"
PLATFORM_DATABASE = "chimera"

_LOGINS = [passwords.OWNER, passwords.APPLICATION]

_OWNERS = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
#: Databases that any login may look into, and make temporary tables in.
_OPEN = """
    SELECT quote_ident(datname) FROM pg_database
    WHERE datname IN ('operational', 'chimera', 'postgres', 'template1')
        AND has_database_privilege('public', oid, 'CONNECT, TEMP')
"""
_VERIFIER = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
_SETTINGS = """
    SELECT rolname, quote_ident(datname), array_to_string(setconfig, ', ')
    FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
    LEFT JOIN pg_database ON pg_database.oid = setdatabase
    WHERE rolname = ANY(%s)
"""
_LOGIN = "SELECT FROM pg_roles WHERE rolname = %s"
_TAKE_OVER = (
    # Made by releases before this one, which wrote as the superuser.
    "ALTER TABLE IF EXISTS public.stream_positions OWNER TO chimera_owner",
)
_DOORS = (
    "GRANT CONNECT ON DATABASE chimera TO chimera_app",
    # Last: by its owner a later start sees that all of this is done.
    "ALTER DATABASE chimera OWNER TO chimera_owner",
)


def provide(cluster: Cluster, database: str) -> None:
    """Make a database of a running server if it is missing; quick if it is there.

    Raises:
        psycopg.Error: The server cannot be asked.
    """
    with _superuser(cluster, "postgres") as connection:
        found = connection.execute(_OWNERS, (database,)).fetchone()
        if found is None:
            connection.execute(_create(database))
        for (name,) in connection.execute(_OPEN).fetchall():
            connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC".encode())
        if database == PLATFORM_DATABASE:
            _set_back_passwords(cluster, connection)
            _set_back_settings(connection)
        if database != PLATFORM_DATABASE or (found and found[1] == passwords.OWNER):
            return
        known = passwords.load(cluster.root) or {}
        for login in _LOGINS:
            if connection.execute(_LOGIN, (login,)).fetchone() is None:
                connection.execute(_create_login(login, known[login]))
    with _superuser(cluster, database) as connection:
        for statement in (*_TAKE_OVER, *_DOORS):
            connection.execute(statement)


def _set_back_passwords(
    cluster: Cluster, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    """Give the logins the passwords of their file again.

    PostgreSQL lets every login change its own, and no right can be withheld for that.
    """
    known = passwords.load(cluster.root) or {}
    for login in _LOGINS:
        found = connection.execute(_VERIFIER, (login,)).fetchone()
        if found is None or passwords.is_verifier_of(found[0], known[login]):
            continue
        connection.execute(_alter_login(login, known[login]))
        _log.warning("The password of %s was not the one of passwords.json; it is again", login)


def _set_back_settings(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Take back the settings that the logins have for their sessions; none is of our making.

    Every login can give itself some, such as one that makes all it does read-only.
    """
    for login, database, given in connection.execute(_SETTINGS, (_LOGINS,)).fetchall():
        where = f" IN DATABASE {database}" if database else ""
        connection.execute(f"ALTER ROLE {login}{where} RESET ALL".encode())
        _log.warning("The login %s had settings that are not ours, taken back: %s", login, given)


def _superuser(cluster: Cluster, database: str) -> psycopg.Connection[tuple[object, ...]]:
    import psycopg  # noqa: PLC0415 - only with a server to ask

    return psycopg.connect(cluster.url(database), autocommit=True)


def _create(database: str) -> bytes:
    known = {
        SOURCE_DATABASE: b"CREATE DATABASE operational",
        PLATFORM_DATABASE: b"CREATE DATABASE chimera",
    }
    return known[database]


def _create_login(login: str, password: str) -> bytes:
    # Both are of our own making, and nothing of them needs quoting.
    return f"CREATE ROLE {login} LOGIN PASSWORD '{passwords.verifier(password)}'".encode()


def _alter_login(login: str, password: str) -> bytes:
    return f"ALTER ROLE {login} PASSWORD '{passwords.verifier(password)}'".encode()
