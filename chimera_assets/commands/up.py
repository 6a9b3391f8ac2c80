"""`chimera up`: Dagster's web pages and its daemon, in the foreground."""

from __future__ import annotations

import errno
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
        ArgumentError: The port is in use, or the host is no address of this machine.
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
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _no_address(host, error) from None
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise _no_address(host, error) from None
            msg = f"--port: expected a free port on {host}, found {port}: {error.strerror}"
            raise ArgumentError(msg) from None


def _no_address(host: str, error: OSError | UnicodeError) -> ArgumentError:
    why = getattr(error, "strerror", None) or "no name of a host"
    return ArgumentError(f"--host: expected an address of this machine, found {host}: {why}")
