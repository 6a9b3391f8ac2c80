"""`chimera up` as a user starts, kills and interrupts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.cli.conftest import REPOSITORY, one_line, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICES = "chimera_assets.orchestration.web.services"


def _start(port: int, printed: Path) -> subprocess.Popen[bytes]:
    """`up` in the background of a script, whose shell lets it ignore the interrupt."""
    called = [sys.executable, "-c", "from chimera_assets.cli import main; main()"]
    with printed.open("ab") as file:
        return subprocess.Popen(
            ["sh", "-c", '"$@" & wait', "sh", *called, "up", "--port", str(port)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """A program of somebody else's."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def test_up_serves_pages_until_interrupted_and_ends_what_a_killed_one_left(
    tmp_path: Path, home: Path, bystander: psutil.Process
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.listen()
        assert "expected a free port" in one_line(process("up", "--port", str(port)))
    printed = tmp_path / "printed"
    started = [_start(port, printed)]
    try:
        _wait_for(port, started[0], printed)
        noted = json.loads((home / "dagster" / "up.json").read_text())
        assert noted[0]["module"] == SERVICES
        other = one_line(process("up", "--port", str(port)))
        assert f"expected no other `chimera up`, found process {noted[0]['pid']}" in other

        os.kill(noted[0]["pid"], signal.SIGKILL)
        started[0].wait(60)
        left = [psutil.Process(one["pid"]) for one in noted[1:]]
        assert len(left) == 2
        # Whose id another program has by now, that program stays.
        taken = {"pid": bystander.pid, "began": 1.0, "module": noted[1]["module"]}
        (home / "dagster" / "up.json").write_text(json.dumps([*noted, taken]))
        started.append(_start(port, printed))
        psutil.wait_procs(left, timeout=60)
        assert not any(one.is_running() for one in left)
        _wait_for(port, started[1], printed)
        said = " ".join(printed.read_text().split())
        assert f"Ending what it left: process {left[0].pid}, {left[1].pid}" in said
        assert bystander.is_running()

        os.killpg(started[1].pid, signal.SIGINT)
        started[1].wait(60)
        _wait_for_the_end_of_group(started[1].pid)
    finally:
        for one in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
    assert "superseded" not in printed.read_text()


def _wait_for_the_end_of_group(group: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("chimera up goes on")


def _wait_for(
    port: int, server: subprocess.Popen[bytes], printed: Path, seconds: float = 180
) -> None:
    """Wait until this `up`, and no other one, says where its pages are; they answer then."""
    before = printed.read_text().count("Dagster answers on")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "chimera up ended"
        said = printed.read_text()
        if said.count(f"Dagster answers on http://127.0.0.1:{port} ") > before:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5).close()
            return
        time.sleep(0.2)
    pytest.fail(f"no address with {port}")
