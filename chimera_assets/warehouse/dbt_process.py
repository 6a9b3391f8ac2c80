"""dbt in a process of its own beside this one.

Loading dbt takes as long as loading Dagster, which is what it runs beside: with a core for each, an
hour begins in little more than half the time. The process is kept from one invocation to the next.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera_assets.warehouse.dbt_messages import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.warehouse.dbt_messages import Answer, Request

#: What is run, with the number of its end of a socket as last argument; nothing is imported from
#: the working directory, which may be anybody's.
WORKER: Sequence[str] = (sys.executable, "-P", "-m", "chimera_assets.warehouse.dbt_worker")

#: The variables that make a difference. Libraries change others while they are loaded.
_READ = ("AWS_", "CHIMERA_", "DBT_", "HOME", "TMPDIR")

#: How long a process may take to end once it has nobody to work for.
_END_SECONDS = 10


def start_dbt() -> None:
    """Begin to load dbt beside this process, which will need it once it has done something else."""
    _idle.give(_idle.take())


def dbt_answers(request: Request) -> Iterator[Answer]:
    """Invoke dbt: what it says and each model and test that ends at once, at last how it all ended.

    If the reader stops before that, or is interrupted, dbt's process ends at once.
    """
    process, answer = _idle.take(), None
    try:
        process.connection.send(request)
        while not isinstance(answer, Ended):
            answer = process.connection.recv()
            yield answer
    except (EOFError, BrokenPipeError, ConnectionResetError):
        yield Ended(unable=f"its process ended: {process.end()}", unable_passes=True)
    finally:
        if isinstance(answer, Ended):
            _idle.give(process)
        else:
            process.end()


class _Process:
    """A process with dbt, for one invocation after the other.

    It has this process's settings and working directory, as they were when it began.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [*WORKER, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self._place = _place()

    def is_good(self) -> bool:
        """Whether it lives, and is where this process is by now."""
        return self._child.poll() is None and self._place == _place()

    def end(self) -> str:
        """End it, whatever it does; gives in words how it ended."""
        self.connection.close()
        try:
            code = self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class _Idle:
    """The processes of this one that wait for something to do: one, unless threads ask at once."""

    def __init__(self) -> None:
        self._processes: list[_Process] = []
        self._lock = threading.Lock()

    def take(self) -> _Process:
        """One of them, or a new one."""
        with self._lock:
            while self._processes:
                if (process := self._processes.pop()).is_good():
                    return process
                process.end()
        return _Process()

    def give(self, process: _Process) -> None:
        """Keep one for whoever is next."""
        with self._lock:
            self._processes.append(process)

    def end(self) -> None:
        """End them all."""
        with self._lock:
            while self._processes:
                self._processes.pop().end()


_idle = _Idle()
atexit.register(_idle.end)


def _place() -> tuple[Path, dict[str, str]]:
    read = {name: value for name, value in os.environ.items() if name.startswith(_READ)}
    return Path.cwd(), read
