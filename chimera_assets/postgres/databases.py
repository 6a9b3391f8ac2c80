"""Where the two databases are: by the settings, or on the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import Database
from chimera_assets.postgres.embedded.server import (
    PLATFORM_DATABASE,
    SOURCE_DATABASE,
    embedded_server,
)

if TYPE_CHECKING:
    from chimera_assets.settings import Settings


def source_database_url(settings: Settings) -> str:
    """The URL of the operational database: the one set, or the embedded server's `operational`.

    Raises:
        EmbeddedServerError: None is set and the embedded server could not be started.
    """
    return settings.source_database_url or embedded_server(settings).url(SOURCE_DATABASE)


def platform_database(settings: Settings) -> Database:
    """The platform's own database: the one set, or the embedded server's `chimera`.

    Raises:
        EmbeddedServerError: None is set and the embedded server could not be started.
    """
    url = settings.database_url or embedded_server(settings).url(PLATFORM_DATABASE)
    return Database(url, setting="CHIMERA_DATABASE_URL")
