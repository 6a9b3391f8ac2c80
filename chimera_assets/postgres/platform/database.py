"""The platform's database as its users see it: transactions, on sessions that are used again."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.postgres.errors import DatabaseError
from chimera_assets.postgres.platform.logins import logins
from chimera_assets.postgres.platform.session import explained, is_alive, open_session
from chimera_assets.postgres.platform.version import EXPECTED, require_known, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.postgres.address import Address
    from chimera_assets.postgres.platform.logins import Logins
    from chimera_assets.postgres.platform.session import Session
    from chimera_assets.settings import Settings


class PlatformDatabase:
    """The platform's database, with its tables made when they are first needed.

    Nothing is started or connected to before it is used. Sessions are kept open within a process,
    so that a short transaction takes a millisecond.

    Args:
        settings: Where it is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._idle: list[tuple[Address, Session]] = []
        self._process = os.getpid()

    @property
    def url(self) -> str:
        """Its URL, as the application logs in; an embedded server is started.

        Raises:
            EmbeddedServerError: The embedded server could not be started.
        """
        return logins(self._settings).application.url

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction as the application: committed at the end, undone by an error.

        Raises:
            DatabaseError: The database cannot be reached or refuses, or its tables cannot be made.
            EmbeddedServerError: The embedded server could not be started.
        """
        address, session = self._session()
        try:
            with explained(address), session.transaction():
                yield session
        finally:
            if not session.closed:
                with self._guard:
                    self._idle.append((address, session))

    def close(self) -> None:
        """End the sessions that are kept; the next transaction opens another."""
        with self._guard:
            self._forget()

    def _session(self) -> tuple[Address, Session]:
        while (kept := self._kept()) is not None:
            if is_alive(kept[1]):
                return kept
        found = logins(self._settings)
        session = open_session(found.application)
        try:
            with explained(found.application):
                _require_tables(session, found)
        except BaseException:
            session.close()
            raise
        return found.application, session

    def _kept(self) -> tuple[Address, Session] | None:
        with self._guard:
            if self._process != os.getpid() or not self._is_kept_up():
                # A server of which we are no user may be stopped at any moment.
                self._forget()
            return self._idle.pop() if self._idle else None

    def _forget(self) -> None:
        idle, self._idle = self._idle, []
        ours, self._process = self._process == os.getpid(), os.getpid()
        for _, session in idle:
            if ours:  # a forked child must not speak on its parent's sessions
                session.close()

    def _is_kept_up(self) -> bool:
        return self._settings.database_url is not None or embedded_server(self._settings).is_leased


def _require_tables(session: Session, found: Logins) -> None:
    if require_known(versions(session), found.application) == EXPECTED:
        return
    from chimera_assets.postgres.platform.migration import migrate  # noqa: PLC0415 - a second

    migrate(found, session)
    if versions(session) != [EXPECTED]:
        raise DatabaseError(
            found.application.setting,
            f"expected tables of version {EXPECTED}, found none that {session.info.user} may read",
            remedy="see docs/audit.md for what the two logins have to be granted",
        )
