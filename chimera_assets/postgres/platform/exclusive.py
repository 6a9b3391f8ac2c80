"""Work that only one process at a time may do, of all that share the platform's database."""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.postgres.errors import DatabaseError
from chimera_assets.postgres.platform.session import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.postgres.platform.session import Session

#: Who holds it is seen in `pg_stat_activity`.
_PREFIX = "chimera: "
#: The transaction may wait for hours; a machine that is gone is noticed within three minutes.
_SETTINGS = {
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "30",
    "tcp_keepalives_count": "3",
}
_SET = "SELECT set_config(name, %s, true) FROM pg_settings WHERE name = %s"
_TAKE = "SELECT pg_try_advisory_xact_lock(%s) AS taken"
_HOLDER = """
    SELECT application_name AS name, xact_start AS since, pid
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = %s
        AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
#: The server takes a moment to notice that a process was killed.
_TRIES, _SECONDS_BETWEEN = 6, 0.2


class OthersAtWork(ChimeraError):  # noqa: N818
    """Another process does it.

    Args:
        work: What, in words.
        said: Who, since when, and the number of their session; empty if nobody may see that.
    """

    def __init__(self, work: str, said: str) -> None:
        super().__init__(
            f"{work}: expected nobody else at it, found another process{said}; nothing was "
            "changed, run it again when that is done"
        )


@contextmanager
def exclusive(database: PlatformDatabase, work: str, holder: str) -> Iterator[Callable[[], None]]:
    """Do work that nobody else does meanwhile.

    An advisory lock of a transaction, which ends with the process however that ends, and which
    poolers leave on the session that has it.

    Args:
        database: The platform's database.
        work: What, in words that are the same for all who do it.
        holder: Who does it, told to others.

    Yields:
        Makes sure that the lock is still held; a DatabaseError says that it may not be.

    Raises:
        DatabaseError: The database cannot be reached or refuses.
        OthersAtWork: Another process does it.
    """
    number = int.from_bytes(hashlib.sha256(work.encode()).digest()[:8], signed=True)
    with ExitStack() as stack:
        session = stack.enter_context(database.transaction())
        for name, value in {**_SETTINGS, "application_name": _PREFIX + holder}.items():
            session.execute(_SET, (value, name))
        if not _taken(session, number):
            raise OthersAtWork(work, _others(session, number))
        done = stack.pop_all()
    try:
        yield lambda: _require_alive(session, work)
    finally:
        with suppress(DatabaseError):  # of a connection that is lost the lock is, too
            done.close()


def _require_alive(session: Session, work: str) -> None:
    if not is_alive(session):
        where, problem = "the platform's database", f"lost while {work}, which others may do by now"
        raise DatabaseError(where, problem, remedy="run it again", transient=True)


def _taken(session: Session, number: int) -> bool:
    for _ in range(_TRIES):
        row = session.execute(_TAKE, (number,)).fetchone()
        if row is not None and row["taken"]:
            return True
        time.sleep(_SECONDS_BETWEEN)
    return False


def _others(session: Session, number: int) -> str:
    row = session.execute(_HOLDER, (number,)).fetchone()
    if row is None or row["since"] is None:
        return ""
    who = row["name"].removeprefix(_PREFIX)
    return f" of {who} since {row['since']:%Y-%m-%dT%H:%M:%S%z} (session {row['pid']})"
