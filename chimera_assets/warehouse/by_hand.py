"""The audit log's entry of a dbt that somebody started by hand, before its first table changes.

A dbt of ours is part of a run or command, which has an entry of its own.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chimera_assets.access.principal import Kind, Principal, os_user
from chimera_assets.audit.log import OFF_THE_RECORD, AuditLog
from chimera_assets.hours import HourRange
from chimera_assets.postgres.databases import has_platform_database, platform_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.settings import Settings


class _Process:
    """Whether dbt was started by us, and which of its invocations is on the record."""

    of_ours = False
    recorded: str | None = None
    threads = threading.Lock()


@contextmanager
def started_by_us() -> Iterator[None]:
    """Within it, dbt is part of something that is on the record already."""
    _Process.of_ours = True
    try:
        yield
    finally:
        _Process.of_ours = False


def require_record(
    request: dict[str, Any], settings: Settings, warn: Callable[[str], None]
) -> None:
    """Write the entry of this invocation of dbt, unless it has one or is ours.

    Args:
        request: What the macro `delta` asks: the invocation, its models, the hours.
        settings: Where the audit log is.
        warn: Told that there is none.

    Raises:
        AuditError: The entry could not be written, so that nothing may change.
    """
    invocation = str(request["invocation_id"])
    if _Process.of_ours:
        return
    with _Process.threads:
        if _Process.recorded == invocation:
            return
        if has_platform_database(settings):
            _write(request, settings, invocation)
        else:
            warn(OFF_THE_RECORD)
        _Process.recorded = invocation


def _write(request: dict[str, Any], settings: Settings, invocation: str) -> None:
    nodes = [name.split(".") for name in request["selected"]]
    models = sorted(parts[-1] for parts in nodes if parts[0] == "model")
    hours = (
        HourRange(*map(datetime.fromisoformat, (request["start"], request["end"])))
        if request["start"] is not None
        else None
    )
    with AuditLog(platform_database(settings)).change(
        "models.build",
        f"hours {hours}" if hours is not None else "all hours",
        actor=Principal(Kind.OS_USER, os_user(), f"dbt on {socket.gethostname()}"),
        after={"models": models},
        run_id=invocation,
    ):
        pass  # dbt goes on for as long as it likes, and changes tables from here on
