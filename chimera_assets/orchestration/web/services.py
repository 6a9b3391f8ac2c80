"""`dagster dev` as `chimera up` runs it: with the guard before the pages, its processes noted.

Run as `python -m chimera_assets.orchestration.web.services`, with the arguments of `dagster dev`.
Dagster starts the web server and the daemon as processes of their own, which live on if this one is
killed. What is noted of them lets the next `chimera up` find and end them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import dagster._cli.dev

from chimera_assets.orchestration.web.answering import say_when_they_answer
from chimera_assets.orchestration.web.started import note_self, note_started

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

_PAGES = "dagster_webserver"
_GUARDED_PAGES = "chimera_assets.orchestration.web.webserver"

#: Dagster's module, in which a function is put in place of the one that starts processes.
_DEV: Any = dagster._cli.dev  # noqa: SLF001 - there is no other way in

_start = _DEV.open_ipc_subprocess


def _start_and_note(command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    parts = [_GUARDED_PAGES if part == _PAGES else part for part in command]
    process: subprocess.Popen[bytes] = _start(parts, **how)
    note_started(process.pid, parts)
    return process


def main() -> None:
    """Run until interrupted."""
    note_self()
    arguments = sys.argv[1:]
    host, port = (arguments[arguments.index(option) + 1] for option in ("-h", "-p"))
    say_when_they_answer(host, int(port))
    _DEV.open_ipc_subprocess = _start_and_note
    _DEV.dev_command(arguments, prog_name="dagster dev")


if __name__ == "__main__":
    main()
