"""Where the two databases are: by the settings, or on the embedded server."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from chimera_assets.postgres.embedded.server import SOURCE_DATABASE, embedded_server
from chimera_assets.postgres.platform.database import PlatformDatabase

if TYPE_CHECKING:
    from chimera_assets.settings import Settings

_in_process = threading.Lock()
_platforms: dict[tuple[str, str | None, str | None], PlatformDatabase] = {}


def source_database_url(settings: Settings) -> str:
    """The URL of the operational database: the one set, or the embedded server's `operational`.

    Raises:
        EmbeddedServerError: None is set and the embedded server could not be started.
    """
    return settings.source_database_url or embedded_server(settings).url(SOURCE_DATABASE)


def platform_database(settings: Settings) -> PlatformDatabase:
    """The platform's own database: the one set, or the embedded server's `chimera`.

    One object a process, so that its sessions are used again; nothing is started by this.
    """
    key = (str(settings.home), settings.database_url, settings.database_owner_url)
    with _in_process:
        if key not in _platforms:
            _platforms[key] = PlatformDatabase(settings)
            atexit.register(_platforms[key].close)
        return _platforms[key]


def has_platform_database(settings: Settings) -> bool:
    """Whether there is a platform database, or one comes to be with the operational one.

    Where only the operational database has a URL, a server of our own is not started for what can
    be done without it.
    """
    return (
        settings.database_url is not None
        or settings.source_database_url is None
        or embedded_server(settings).cluster.data.exists()
    )
