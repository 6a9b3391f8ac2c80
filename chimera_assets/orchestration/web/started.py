"""The processes of `chimera up`, noted in CHIMERA_HOME, so that a later one can end what is left.

A process is known by its id and the moment it began: an id is given again to other programs.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The moment a process began, as the system tells it, may move by the correction of its clock.
_CLOCK_SECONDS = 2.0

_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started.

    Attributes:
        pid: Its id.
        began: When it began, seconds since 1970.
        module: The Python module that it runs.
    """

    pid: int
    began: float
    module: str

    def process(self) -> psutil.Process | None:
        """The process, if it is still there and no other one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.began) < _CLOCK_SECONDS
            alive = same and found.status() != psutil.STATUS_ZOMBIE
            return found if alive and _module(found.cmdline()) == self.module else None
        except psutil.Error:
            return None


def hold_home() -> bool:
    """Be the one `chimera up` of the home until this process ends, whatever program it becomes.

    Returns:
        False if another one is.
    """
    path = get_settings().home_folder("dagster") / "up.lock"
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return False
    fcntl.fcntl(held, fcntl.F_SETFD, 0)  # through exec; children are started without it
    return True


def note_self() -> None:
    """Note this process as the `chimera up` of the home, in place of the one before."""
    process = psutil.Process(os.getpid())
    _write([Started(process.pid, process.create_time(), _module(process.cmdline()))])


def note_started(pid: int, command: Sequence[str]) -> None:
    """Note a process that this one started.

    Args:
        pid: Its id.
        command: With which it was started; the process itself may not have it yet.
    """
    _write([*_noted(), Started(pid, psutil.Process(pid).create_time(), _module(command))])


def running() -> psutil.Process | None:
    """The `chimera up` that runs on this home now; None if there is none."""
    noted = _noted()
    return noted[0].process() if noted else None


def left_over() -> list[psutil.Process]:
    """What lives on of a `chimera up` that was killed."""
    return [process for one in _noted()[1:] if (process := one.process()) is not None]


def end(processes: list[psutil.Process]) -> None:
    """End processes: asked to, and after a while made to."""
    for process in processes:
        process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=_GRACE_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def _module(command: Sequence[str]) -> str:
    """The module in `python -m module`."""
    return command[command.index("-m") + 1] if "-m" in command[:-1] else ""


def _noted() -> list[Started]:
    try:
        return [Started(**one) for one in json.loads(_file().read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):  # none, or of another release
        return []


def _write(noted: Sequence[Started]) -> None:
    made = _file().with_suffix(".new")
    made.write_text(json.dumps([asdict(one) for one in noted]), encoding="utf-8")
    made.replace(_file())


def _file() -> Path:
    return get_settings().home_folder("dagster") / "up.json"
