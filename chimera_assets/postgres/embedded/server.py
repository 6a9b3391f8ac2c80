"""The embedded PostgreSQL: there when it is needed, gone with its last user.

    server = EmbeddedPostgres(settings.home / "postgres")
    url = server.url("operational")

Any number of processes may do this at once. The first starts the server, the others find it. Each
holds a lock that the kernel frees when the process ends, however it ends; a keeper process (see
`keeper.py`) stops the server when the last one is free.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from chimera_assets.errors import one_line
from chimera_assets.postgres.embedded import access, keeper, locks, passwords, place
from chimera_assets.postgres.embedded.account import Account
from chimera_assets.postgres.embedded.cluster import Cluster, environment
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.provision import (
    PLATFORM_DATABASE,
    SOURCE_DATABASE,
    provide,
)
from chimera_assets.settings import Settings
from chimera_assets.settings.home import make_home

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLATFORM_DATABASE", "SOURCE_DATABASE", "EmbeddedPostgres", "embedded_server"]

_START_SECONDS = 120.0
_POLL_SECONDS = 0.01
_RECOVERY_SECONDS = 10.0
_RECOVERY_POLL_SECONDS = 0.1
_WRONG_PASSWORD = "password authentication failed"  # noqa: S105 - what the server says
_OF_ANOTHER = (
    "its passwords.json is not the one it was started with; bring that back, or end every process "
    "that uses the server and remove passwords.json: its next start sets new passwords"
)
_in_process = threading.RLock()
_keepers: list[subprocess.Popen[bytes]] = []


class EmbeddedPostgres:
    """An embedded server of this machine; one object a folder and process is enough.

    Args:
        root: The server's folder; made if missing.
        elsewhere: The folder for what cannot be in there where root runs it; by default the one
            that the settings name.
    """

    def __init__(self, root: Path, elsewhere: Path | None = None) -> None:
        # The resolved path, so that two ways to one folder share socket and locks.
        self.cluster = Cluster(root.expanduser().resolve())
        self._given_elsewhere = elsewhere
        self._lease: int | None = None

    def url(self, database: str, login: str = passwords.SUPERUSER) -> str:
        """The URL of `operational` or `chimera`; the server is started if it does not run.

        Args:
            database: Which of the two.
            login: As whom; by default as the superuser, which is for the machine's owner.

        Raises:
            EmbeddedServerError: It could not be started.
        """
        with _in_process, self._alone():
            self._ready_with(database)
        return self.cluster.url(database, login)

    @property
    def is_leased(self) -> bool:
        """Whether this process is one of the server's users, so that it is not stopped now."""
        return self._lease is not None

    def release(self, seconds: float = 30.0) -> None:
        """Stop being a user of the server; if we were the last, wait for its end.

        Not needed at the end of a process: the kernel does it.
        """
        with _in_process:
            if self._lease is None:
                return
            os.close(self._lease)
            self._lease = None
        deadline = time.monotonic() + seconds
        while self._is_ending() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _is_ending(self) -> bool:
        root = self.cluster.root
        if not locks.is_held(root / "keeper.lock"):
            return False
        users = root / "users.lock"
        try:
            # Without users this succeeds, and then the keeper is about to stop the server.
            with locks.exclusive(users, 0):
                return True
        except TimeoutError:
            # Shared by other users; or held by the keeper alone, which found none.
            return locks.is_held(users)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        root = self.cluster.root
        try:
            make_home(root.parent)
            root.mkdir(exist_ok=True)
            with locks.exclusive(root / "start.lock", _START_SECONDS):
                yield
        except TimeoutError as error:
            raise EmbeddedServerError(root, str(error), "end that process") from None
        except OSError as error:
            problem = f"{error.filename or root}: {error.strerror or error}"
            raise EmbeddedServerError(root, problem) from error
        except LookupError as error:
            raise EmbeddedServerError(root, str(error)) from error

    def _ready_with(self, database: str) -> None:
        import psycopg  # noqa: PLC0415 - only with a server to ask

        deadline = time.monotonic() + _RECOVERY_SECONDS
        while True:
            self._acquire()
            try:
                return provide(self.cluster, database)
            except psycopg.Error as error:
                problem = one_line(str(error))
                if _WRONG_PASSWORD in problem:
                    raise EmbeddedServerError(self.cluster.root, problem, _OF_ANOTHER) from None
                # A server that was killed this instant still looks alive to those who ask.
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(self.cluster.root, problem, transient=True) from None
                time.sleep(_RECOVERY_POLL_SECONDS)

    def _acquire(self) -> None:
        if self._lease is None:
            self._lease = locks.share(self.cluster.root / "users.lock")
        try:
            self._ensure_running()
            access.require_known_passwords(self.cluster)
        except BaseException:
            os.close(self._lease)
            self._lease = None
            raise

    def _ensure_running(self) -> None:
        kept = self.cluster.root / "keeper.lock"
        child: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + _START_SECONDS
        while not (self.cluster.is_ready() and locks.is_held(kept)):
            if child is None and not locks.is_held(kept):
                child = self._start_keeper()
            if child is not None and child.poll() is not None:
                # It met another's look at its lock; or the last sessions of a killed server,
                # which may take a moment to notice.
                again = child.returncode == keeper.ALREADY_KEPT
                if not again and "still in use" not in self.cluster.last_words():
                    raise EmbeddedServerError(self.cluster.root, self.cluster.last_words())
                child = None
                time.sleep(_RECOVERY_POLL_SECONDS)
            if time.monotonic() > deadline:
                problem = f"not ready after {_START_SECONDS:.0f} s: {self.cluster.last_words()}"
                raise EmbeddedServerError(self.cluster.root, problem, transient=True)
            time.sleep(_POLL_SECONDS)

    def _elsewhere(self) -> Path:
        return self._given_elsewhere or Settings().postgres_dir

    def _outwait_single_user(self) -> None:
        """Wait until passwords are set by a start that was killed; its last program lives on."""
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while self.cluster.in_single_user_mode():
            if time.monotonic() > deadline:
                problem = "PostgreSQL has its data in single-user mode"
                raise EmbeddedServerError(self.cluster.root, problem, "end that process")
            time.sleep(_RECOVERY_POLL_SECONDS)

    def _start_keeper(self) -> subprocess.Popen[bytes]:
        cluster = self.cluster
        orphan = cluster.postmaster()
        account, elsewhere = Account.choose(cluster.data), self._elsewhere()
        programs = place.reachable_programs(cluster.programs(), account, elsewhere)
        if orphan is None:
            self._outwait_single_user()
            place.settle(cluster, account, elsewhere)
            cluster.initialise(account, programs)
            cluster.forget_dead_server()
            access.require_passwords(cluster, account, programs)
        order = {
            "root": str(cluster.root),
            "socket_folder": str(cluster.socket_folder),
            "adopt": orphan,
            "command": cluster.command(programs),
            "environment": environment(),
            "account": account.arguments,
        }
        mode: Literal["ab", "wb"] = "ab" if orphan else "wb"
        with open(cluster.log, mode, opener=_private) as log:
            child = subprocess.Popen(  # noqa: S603 - our own file, arguments as a list
                [sys.executable, "-I", "-S", str(Path(keeper.__file__))],
                cwd="/",
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal is not for the server
            )
        if child.stdin is not None:
            with child.stdin as orders:
                orders.write(json.dumps(order).encode())
        # Those that ended are reaped here; the one that runs outlives us on purpose.
        _keepers[:] = [*(other for other in _keepers if other.poll() is None), child]
        return child


def _private(path: str, flags: int) -> int:
    """Open a file for our eyes alone, and none that a link leads to.

    The server writes statements that failed there, with their values.
    """
    opened = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    os.fchmod(opened, 0o600)  # an older release made it readable to all
    return opened


_servers: dict[Path, EmbeddedPostgres] = {}


def embedded_server(settings: Settings) -> EmbeddedPostgres:
    """This process's handle on the embedded server of CHIMERA_HOME; does not start it."""
    root = settings.home / "postgres"
    with _in_process:
        return _servers.setdefault(root, EmbeddedPostgres(root, settings.postgres_dir))
