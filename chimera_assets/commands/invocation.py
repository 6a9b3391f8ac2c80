"""How `chimera` was called, so that commands that are printed work as printed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


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
