"""How `chimera` was called, so that printed commands work, and what its end waits for."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_at_end: list[Callable[[], None]] = []


def command_name() -> str:
    """`chimera` where a shell finds it by that name, else the path of it from here.

    That is in a virtual environment that is active: PATH alone says nothing, as `make` adds to it.
    """
    called = Path(sys.argv[0])
    if called.name != "chimera" or os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return "chimera"
    here, there = Path.cwd(), called.absolute()
    return shlex.quote(str(there.relative_to(here) if there.is_relative_to(here) else there))


def command_line() -> str:
    """The command as it was typed, for whoever repeats it."""
    return f"`{command_name()} {shlex.join(sys.argv[1:])}`"


def at_end(finish: Callable[[], None]) -> None:
    """Have something done once the command has done its work."""
    _at_end.append(finish)


@contextmanager
def finished() -> Iterator[None]:
    """Run a command; then do what was left for its end, unless it has failed."""
    _at_end.clear()
    yield
    for finish in _at_end:
        finish()
