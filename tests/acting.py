"""Who acts in a story that calls the site's own functions, and the log where that is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit import AuditLog
from chimera_assets.audited_context import AuditedContext
from chimera_assets.contracts import load_contracts
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import Settings
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


def acting(  # noqa: PLR0913
    home: Path,
    lake: Lake,
    now: datetime,
    *,
    run_id: str = "a run",
    contracts: Mapping[str, Contract] | None = None,
    name: str = "alice",
) -> AuditedContext:
    """What somebody works with whose home has an embedded server."""
    return AuditedContext(
        lake=lake,
        contracts=contracts if contracts is not None else load_contracts([SHIPPED]),
        now=now,
        run_id=run_id,
        actor=Principal(Kind.PERSON, name, "a test"),
        audit=AuditLog(platform_database(_settings(home))),
    )


def as_login(url: str, login: str, password: str) -> str:
    """The URL of the same database for another login; the password as it stands in URLs."""
    return re.sub(r"//[^@/]*@", f"//{login}:{password}@", url)


def leave(home: Path) -> None:
    """End the sessions with that home's server, and stop being its user."""
    platform_database(_settings(home)).close()
    embedded_server(_settings(home)).release()


def _settings(home: Path) -> Settings:
    return Settings(home=home, database_url=None, source_database_url=None)
