"""Times a whole process and watches the memory of it and all it starts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A look costs some 2 ms of a core: more often, and it would be part of what is timed.
_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ended well: its seconds, most memory of its whole tree at once, output."""

    seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end.

    Args:
        command: The command.
        environment: Variables it gets beside our own.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    started = time.perf_counter()
    child = subprocess.Popen(
        command,
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = [0]
    watch = threading.Thread(target=_watch, args=(child, peak), daemon=True)
    watch.start()
    output, _ = child.communicate()
    seconds = time.perf_counter() - started
    watch.join()
    if child.returncode:
        msg = f"{' '.join(command)}: exit code {child.returncode}\n{output}"
        raise RuntimeError(msg)
    return Ran(seconds, peak[0] / 2**20, output)


def _watch(child: subprocess.Popen[str], peak: list[int]) -> None:
    while child.returncode is None:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(child.pid)
            peak[0] = max(peak[0], sum(map(_resident, [root, *root.children(recursive=True)])))
        time.sleep(_EVERY_SECONDS)


def _resident(process: psutil.Process) -> int:
    """Bytes of a process; of what it shares with others its part, where the system tells that."""
    with contextlib.suppress(psutil.Error, OSError):
        with contextlib.suppress(FileNotFoundError):
            return _proportional(process.pid)
        return int(process.memory_info().rss)
    return 0


def _proportional(pid: int) -> int:
    """The proportional set size, see proc(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
