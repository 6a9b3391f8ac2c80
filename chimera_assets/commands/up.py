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
from chimera_assets.orchestration.first_hour import settle
from chimera_assets.orchestration.instance.home import dagster_home
from chimera_assets.orchestration.web import started
from chimera_assets.orchestration.web.answering import pages_url
from chimera_assets.settings import get_settings

#: How Dagster begins to say that `dagster dev` is superseded by a tool that is not installed here.
_SUPERSEDED = "Function `dev_command` is superseded"

_SERVICES = "chimera_assets.orchestration.web.services"


def up(*, host: str, port: int) -> NoReturn:
    """Become `dagster dev`, its pages guarded; Ctrl-C stops all of it.

    Raises:
        ArgumentError: The port is in use, the host is no address of this machine, or the home has
            its pages and daemon already.
        SettingError: There is no folder with `dagster.yaml`, or a setting cannot be used.
    """
    home = dagster_home()
    settings = get_settings()
    _ = settings.resolved_lake_uri
    _end_what_is_left()
    _require_free(host, port)
    settle()
    workspace = home / "workspace.yaml"
    where = ["-w", str(workspace)] if workspace.is_file() else ["-m", "chimera_assets.definitions"]
    if not settings.ui_url:
        os.environ["CHIMERA_UI_URL"] = pages_url(host, port)  # for notifications
    notes().print(f"Starting Dagster; its address comes once it answers (port {port}).")
    sys.stdout.flush()
    sys.stderr.flush()
    quiet = ["-W", f"ignore:{_SUPERSEDED}:FutureWarning"]
    command = [sys.executable, *quiet, "-m", _SERVICES, *where, "-h", host, "-p", str(port)]
    # A shell has what it starts in the background of a script ignore them, for good.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, arguments as a list


def _end_what_is_left() -> None:
    """End the pages and the daemon of an earlier `up` that was killed; one that runs stays.

    Raises:
        ArgumentError: One runs.
    """
    if not started.hold_home():
        other = started.running()
        found = f"process {other.pid}" if other is not None else "one that is just starting"
        msg = (
            f"{get_settings().home}: expected no other `chimera up`, found {found}, "
            "which runs on it; end it by Ctrl-C, or give another CHIMERA_HOME"
        )
        raise ArgumentError(msg)
    if left := started.left_over():
        ids = ", ".join(str(process.pid) for process in left)
        notes().print(f"An earlier `chimera up` was killed. Ending what it left: process {ids}")
        started.end(left)


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
