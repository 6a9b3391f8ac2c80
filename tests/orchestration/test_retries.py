"""A fault that passes costs a pause, not the hour."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chimera_assets.contracts.loader import load_contracts
from tests.shipped import SHIPPED
from tests.site.site import generations

if TYPE_CHECKING:
    from tests.site.site import Site

HOUR = "2026-01-22-10:00"


class Restarting:
    """The way to the operational database, over TCP, which is closed at first."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        folder = parse_qs(parts.query).get("host", [""])[0]
        self._target = str(Path(folder) / ".s.PGSQL.5432")
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}"

    def open(self) -> None:
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # A thread waits in accept; only this wakes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
            back.start()
            self._copy(near, far)
            back.join()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.criterion("AC-001.4")
def test_a_database_that_comes_back_is_tried_again_and_the_hour_is_whole(site: Site) -> None:
    site.source.insert("generations", generations(HOUR, 50))
    way = Restarting(site.source.url)
    beside = site.beside(CHIMERA_SOURCE_DATABASE_URL=way.url, CHIMERA_RETRY_SECONDS="0.5")
    reported: list[dict[str, Any]] = []

    def on_step(said: dict[str, Any]) -> None:
        if said["outcome"] == "retried" and not reported:
            way.open()
        if said["outcome"] == "retried":
            reported.append(said)

    try:
        ran = beside.process.ask("run", on_step=on_step, first=HOUR, last=HOUR)
    finally:
        beside.close()
        way.close()

    assert ran["success"], ran["failed"]
    assert {one["step"] for one in reported} <= {
        f"raw/{name}" for name in load_contracts([SHIPPED])
    }
    assert "Connection refused" in reported[0]["cause"]
    assert "\n" not in reported[0]["cause"]
    assert site.count("marts/fact_generations", HOUR) == 50
    assert ran["warnings"][0].startswith("Try 1 of 4 failed, the next is in ")
