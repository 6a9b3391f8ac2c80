"""A witness that answers in a thread of the test, and an operator who asks it by hand."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from chimera_assets.audit.witness import Witness
from chimera_assets.audit.witness_server import WitnessServer
from tests.audit.tlog.trees import WITNESS, WITNESS_PQ

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import SigningKey, VerifierKey


@dataclass
class Running:
    """A witness that is asked; `told` is what its operator sees."""

    host: str
    port: int
    witness: Witness
    told: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, bytes, str]:
        return ask(self.port, "POST", path, body)

    def get(self, path: str) -> tuple[int, bytes, str]:
        return ask(self.port, "GET", path)


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, str]:
    """Status, body and type of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers["Content-Type"]
    finally:
        connection.close()


@contextmanager
def running(
    folder: Path,
    logs: Collection[VerifierKey],
    keys: tuple[SigningKey, ...] = (WITNESS, WITNESS_PQ),
    port: int = 0,
) -> Iterator[Running]:
    """A witness that runs until the block ends."""
    folder.mkdir(exist_ok=True)
    told: list[str] = []
    witness = Witness(keys, logs, folder)
    with WitnessServer(("127.0.0.1", port), witness, told.append) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(0.02))
        thread.start()
        try:
            yield Running("127.0.0.1", server.server_port, witness, told)
        finally:
            server.shutdown()
            thread.join()
