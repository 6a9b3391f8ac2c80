"""When the pages answer, and by which address."""

from __future__ import annotations

import socket
import sys
import time
from threading import Thread

_LOOKS_EVERY = 0.2


def pages_url(host: str, port: int) -> str:
    """The address to open."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def say_when_they_answer(host: str, port: int) -> None:
    """Print the address as soon as somebody listens there; returns at once.

    Dagster loads all code first, which takes longer than anybody waits for a page.
    """
    Thread(target=_wait_and_say, args=(host, port), daemon=True).start()


def _wait_and_say(host: str, port: int) -> None:
    while not _listens(host, port):
        time.sleep(_LOOKS_EVERY)
    sys.stderr.write(f"Dagster answers on {pages_url(host, port)} (Ctrl-C stops it)\n")
    sys.stderr.flush()


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
