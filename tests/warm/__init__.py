"""Processes without the seconds that Dagster and dbt take to be imported.

A server per test process has imported them and forks for each command. To its user a command is an
ordinary child of `subprocess`, with environment, working directory, streams and exit code; it is
`client.py`, which hands all of these over and waits. What starts a process as a user's shell does,
from nothing, has tests of its own.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def chimera(*arguments: str) -> list[str]:
    """The command of `subprocess` that runs `chimera`."""
    return _command("chimera_assets.cli:main", "chimera", *arguments)


def dbt(*arguments: str) -> list[str]:
    """The command that runs `dbt`."""
    return _command("dbt.cli.main:cli", "dbt", *arguments)


def module(name: str) -> list[str]:
    """The command that runs the function `main` of a module."""
    return _command(f"{name}:main", name)


def command(server: str, entry: str, *argv: str) -> list[str]:
    """The command that has a server's process run a function, as `module:function`."""
    return [sys.executable, "-I", "-S", str(HERE / "client.py"), server, entry, *argv]


def _command(entry: str, *argv: str) -> list[str]:
    return command(_server(), entry, *argv)


@cache
def _server() -> str:
    """The socket of this process's server, which is started once and ends with its process."""
    folder = tempfile.mkdtemp(prefix="warm-")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.server", f"{folder}/socket"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"

    def end() -> None:
        child.communicate()  # its stdin is closed, and with that it ends
        Path(folder).rmdir()

    atexit.register(end)
    return f"{folder}/socket"
