"""As whom the platform's database is used, and as whom its tables are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.postgres.address import Address
from chimera_assets.postgres.embedded import passwords
from chimera_assets.postgres.embedded.server import PLATFORM_DATABASE, embedded_server

if TYPE_CHECKING:
    from chimera_assets.settings import Settings

_DATABASE, _OWNER = "CHIMERA_DATABASE_URL", "CHIMERA_DATABASE_OWNER_URL"


@dataclass(frozen=True, slots=True)
class Logins:
    """The two logins of the platform's database.

    Attributes:
        application: Reads and writes; everyday work.
        owner: Owns the tables; migrations alone. The same as the application where only
            CHIMERA_DATABASE_URL is set.
    """

    application: Address
    owner: Address

    @property
    def are_one(self) -> bool:
        """Whether the application also owns the tables, and could alter them."""
        return self.application.url == self.owner.url


def logins(settings: Settings) -> Logins:
    """The logins: those set, or those of the embedded server, which is started if need be.

    Raises:
        EmbeddedServerError: No URL is set and the embedded server could not be started.
    """
    if settings.database_url is not None:
        application = Address(settings.database_url, setting=_DATABASE)
        if settings.database_owner_url is None:
            return Logins(application, application)
        return Logins(application, Address(settings.database_owner_url, setting=_OWNER))
    server = embedded_server(settings)
    return Logins(
        Address(server.url(PLATFORM_DATABASE, passwords.APPLICATION), setting=_DATABASE),
        Address(server.cluster.url(PLATFORM_DATABASE, passwords.OWNER), setting=_DATABASE),
    )
