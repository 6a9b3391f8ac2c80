"""The keeper: a small process that starts the server and stops it when its last user is gone.

Every user holds a shared lock on `users.lock`; the keeper waits for the exclusive one, which the
kernel grants when no user is left, whether they ended well or were killed. It runs as a file of its
own with the standard library alone (`python -I -S keeper.py`), so it is up in milliseconds, needs
nothing on the path, and costs little memory. Its order comes by standard input, as JSON.

Locks: `start.lock` (whoever starts or stops the server), `users.lock`, `keeper.lock` (held for as
long as a keeper lives, so everybody can see that there is one). Whoever waits for one holds none
that comes after it in this order.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ALREADY_KEPT = 3
_STOP_SECONDS = 60.0
_ADOPTED_POLL_SECONDS = 0.5


class Server:
    """The server process: a child of ours, or one that lost its keeper and that we adopted."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._socket_folder = Path(order["socket_folder"])
        self._child: subprocess.Popen[bytes] | None = None
        if order["adopt"] is not None:
            self.pid = int(order["adopt"])
            return
        self._child = subprocess.Popen(  # noqa: S603 - our own binary, arguments as a list
            order["command"],
            cwd="/",
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **order["account"],
        )
        self.pid = self._child.pid

    def wait(self) -> None:
        """Return when the server has ended."""
        if self._child is not None:
            self._child.wait()
        while self._alive():
            time.sleep(_ADOPTED_POLL_SECONDS)
        self._clean()

    def stop(self) -> None:
        """End it: fast shutdown (SIGINT), and if it does not come, immediate (SIGQUIT)."""
        for how, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0)):
            if self._alive():
                os.kill(self.pid, how)
            deadline = time.monotonic() + seconds
            while self._alive() and time.monotonic() < deadline:
                time.sleep(0.01)
        self._clean()

    def _clean(self) -> None:
        """Remove the folder of the socket, which may be one in /tmp that nobody knows."""
        with suppress(OSError):  # not empty: the server was killed
            self._socket_folder.rmdir()

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait_for_the_last_user(root: Path) -> None:
    """Return with `users.lock` and `start.lock` held, and so with nobody using the server.

    Once granted, `users.lock` is given back only where somebody is at the door, who is the next
    user: whoever waits for the server's end can trust that it comes.
    """
    while True:
        users = _open(root / "users.lock")
        fcntl.flock(users, fcntl.LOCK_EX)
        start = _open(root / "start.lock")
        try:
            fcntl.flock(start, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(users)  # which those at the door wait for
            fcntl.flock(start, fcntl.LOCK_EX)
            os.close(start)
            continue
        return


def main() -> int:
    """Keep one server until its last user is gone or it ends by itself."""
    order = json.load(sys.stdin)
    root = Path(order["root"])
    kept = _open(root / "keeper.lock")
    try:
        fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ALREADY_KEPT
    server = Server(order)

    def leave_with_the_server() -> None:
        server.wait()
        os._exit(0)

    def stop_now(*_: object) -> None:
        server.stop()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop_now)
    threading.Thread(target=leave_with_the_server, daemon=True).start()
    _wait_for_the_last_user(root)
    server.stop()
    os.close(kept)  # before the kernel opens the door to the next starter
    return 0


if __name__ == "__main__":
    sys.exit(main())
