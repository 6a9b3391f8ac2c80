"""The process in which dbt runs: `python -m chimera_assets.warehouse.dbt_worker FD`.

It loads dbt and reads the project while the process that started it does something else, and then
does what it is asked. The two share a socket; when that is closed, this one ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from chimera_assets.row_values import words
from chimera_assets.start_cost import collect_rarely, compile_dbt_late
from chimera_assets.transient import is_transient
from chimera_assets.warehouse.dbt_messages import Ended

if TYPE_CHECKING:
    from chimera_assets.warehouse.dbt_invocation import ReadProject
    from chimera_assets.warehouse.dbt_messages import Answer, Request


@dataclass(slots=True)
class _Worker:
    """One that was asked for by way of a connection."""

    connection: Connection[Any, Any]
    requests: SimpleQueue[Request | None] = field(default_factory=SimpleQueue)
    sending: threading.Lock = field(default_factory=threading.Lock)
    waiting: bool = False

    def serve(self) -> None:
        """Do what is asked until nobody can ask any more."""
        threading.Thread(target=self._read, daemon=True).start()
        ahead = _read_ahead()
        while (request := self._next()) is not None:
            self._answer(request, ahead)
            ahead = None

    def _next(self) -> Request | None:
        self.waiting = True
        request = self.requests.get()
        self.waiting = False
        return request

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self.requests.put(self.connection.recv())
        if not self.waiting:
            os._exit(1)  # in the middle of something; what it writes it commits whole or not at all
        self.requests.put(None)

    def _answer(self, request: Request, ahead: ReadProject | None) -> None:
        try:
            from chimera_assets.warehouse.dbt_invocation import invoke  # noqa: PLC0415 - seconds

            ended = invoke(request, self._send, ahead)
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            ended = Ended(unable=words(error), unable_passes=is_transient(error))
        self._send(ended)

    def _send(self, answer: Answer) -> None:
        with self.sending:
            self.connection.send(answer)


def _read_ahead() -> ReadProject | None:
    """Load dbt and read the project; None if that cannot be done, as is said when it is needed."""
    with suppress(Exception):
        from chimera_assets.warehouse.dbt_invocation import ReadProject  # noqa: PLC0415 - seconds

        project = ReadProject.read()
        project.compile_macros()
        project.prepare_dbt()
        return project
    return None


def main() -> None:
    """Serve whoever has the other end of the socket."""
    # Whoever asks is sent them, too, says what becomes of it, and closes the socket.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    collect_rarely()
    compile_dbt_late()
    _Worker(Connection(int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
