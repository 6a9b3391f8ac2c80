"""`chimera up`: Dagster's web pages and its daemon, in the foreground."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import NoReturn

from chimera_assets.commands.terminal import notes
from chimera_assets.errors import ArgumentError
from chimera_assets.orchestration.instance.home import dagster_home
from chimera_assets.settings import get_settings

#: How Dagster begins to say that `dagster dev` is superseded by a tool that is not installed here.
_SUPERSEDED = "Function `dev_command` is superseded"


def up(*, host: str, port: int) -> NoReturn:
    """Become `dagster dev`; Ctrl-C stops all of it.

    Raises:
        ArgumentError: The port is in use.
        SettingError: There is no folder with `dagster.yaml`, or a setting cannot be used.
    """
    home = dagster_home()
    settings = get_settings()
    _ = settings.resolved_lake_uri
    _require_free(host, port)
    workspace = home / "workspace.yaml"
    where = ["-w", str(workspace)] if workspace.is_file() else ["-m", "chimera_assets.definitions"]
    if not settings.ui_url:
        os.environ["CHIMERA_UI_URL"] = f"http://{host}:{port}"  # where notifications point to
    notes().print(f"Dagster on http://{host}:{port} (Ctrl-C stops it)", markup=False)
    sys.stdout.flush()
    sys.stderr.flush()
    quiet = ["-W", f"ignore:{_SUPERSEDED}:FutureWarning"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", *where, "-h", host, "-p", str(port)]
    # A shell has what it starts in the background of a script ignore them, for good.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, arguments as a list


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = f"--port: expected a free port on {host}, found {port}: {error.strerror}"
            raise ArgumentError(msg) from None
