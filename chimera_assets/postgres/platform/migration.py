"""Brings the tables of the platform's database to the version of this release, never back.

One transaction under an advisory lock: of any number of processes that find old tables at once,
one changes them, and the others wait and find it done. Importing SQLAlchemy and Alembic takes a
second, so this module is only imported when there is something to do.
"""

from __future__ import annotations

import logging
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from chimera_assets.postgres.address import describe
from chimera_assets.postgres.errors import DatabaseError
from chimera_assets.postgres.platform import migrations
from chimera_assets.postgres.platform.session import explained, open_session
from chimera_assets.postgres.platform.version import require_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.postgres.platform.logins import Logins
    from chimera_assets.postgres.platform.session import Session

_log = logging.getLogger(__name__)
#: Alembic keeps the migration it is at in variables of its module.
_in_process = threading.Lock()

#: Held by the application while the owner looks whether it is in the same database.
_MARK = "SELECT pg_advisory_xact_lock(%s)"
_SEES_MARK = """
    SELECT EXISTS (SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = %s
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_LOCK = "SELECT pg_advisory_xact_lock(4811204)"
_VERSION = "SELECT version_num FROM platform.alembic_version"
_HAS_VERSION = "SELECT to_regclass('platform.alembic_version') IS NOT NULL"
_OWNS_DATABASE = (
    "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
)

#: What the application may do. Entries of the audit log are added by a function of the owner's.
_GRANTS = (
    "USAGE ON SCHEMA platform, audit",
    "SELECT ON platform.alembic_version",
    "SELECT, INSERT, UPDATE ON public.stream_positions",
    "SELECT, INSERT, UPDATE ON platform.commit_positions",
    "SELECT ON audit.entries, audit.details, audit.checkpoints",
    "EXECUTE ON FUNCTION audit.append(jsonb)",
    "EXECUTE ON FUNCTION audit.keep_checkpoint(bigint, bytea, text)",
)

_REMEDY = (
    "the login that makes the tables has to own those that are there, and to be allowed CREATE on "
    "the database and on its schema public; see docs/audit.md"
)
_THERE_ALREADY = (psycopg.errors.DuplicateSchema, psycopg.errors.DuplicateTable)
_OTHERS = (
    "it stands where a migration makes it: if the tables are ours, write their version into "
    "platform.alembic_version, which has an older one; else name a database without a schema audit"
)


def migrate(logins: Logins, application: Session) -> None:
    """Make or change the tables as their owner, and let the application use them.

    Args:
        logins: The owner and the application.
        application: The application's session, without a transaction.

    Raises:
        DatabaseError: The owner cannot log in or may not do it, or is in another database than the
            application, or the tables are of a newer release.
    """
    mark = secrets.randbits(62)
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: _connection(logins), poolclass=NullPool
    )
    with _in_process, explained(logins.owner, remedy=_REMEDY):
        try:
            with application.transaction(), engine.begin() as connection:
                application.execute(_MARK, (mark,))
                _require_same_database(connection, logins, mark)
                _upgrade(connection, logins)
                for statement in _rights(connection, logins, application.info.user):
                    connection.exec_driver_sql(statement)
        except sa.exc.DBAPIError as error:
            if isinstance(error.orig, _THERE_ALREADY):
                raise DatabaseError(
                    logins.owner.setting, str(error.orig.diag.message_primary), remedy=_OTHERS
                ) from None
            raise (error.orig or error) from None
    if logins.are_one:
        _log.warning(
            "%s also owns the tables of the audit log, so whoever has it can alter them; set "
            "CHIMERA_DATABASE_OWNER_URL to another login",
            logins.application.setting,
        )


def _connection(logins: Logins) -> psycopg.Connection[tuple[object, ...]]:
    session = open_session(logins.owner)
    session.autocommit = False
    session.row_factory = psycopg.rows.tuple_row  # type: ignore[assignment]
    return session  # type: ignore[return-value]


def _require_same_database(connection: sa.Connection, logins: Logins, mark: int) -> None:
    if not connection.exec_driver_sql(_SEES_MARK, (mark,)).scalar():
        raise DatabaseError(
            logins.owner.setting,
            f"expected the database of {logins.application.setting}, "
            f"{describe(logins.application.url)}, found {describe(logins.owner.url)}",
            remedy="name the same server and database in both; nothing was made",
        )


def _upgrade(connection: sa.Connection, logins: Logins) -> None:
    connection.exec_driver_sql(_LOCK)
    if connection.exec_driver_sql(_HAS_VERSION).scalar():
        rows = connection.exec_driver_sql(_VERSION).fetchall()
        require_known([str(row[0]) for row in rows], logins.application)
    else:
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS platform")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _rights(connection: sa.Connection, logins: Logins, application: str) -> Iterator[str]:
    if logins.are_one:
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    for right in _GRANTS:
        yield f"GRANT {right} TO {quote(application)}"
    if connection.exec_driver_sql(_OWNS_DATABASE).scalar():
        database: str = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        # A temporary table would be found before a real one of the same name.
        yield f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC"
