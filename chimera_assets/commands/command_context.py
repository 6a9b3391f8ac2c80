"""Who types a command, and what a command works with that changes something."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.audit import AuditLog
from chimera_assets.audit.configuration import record_changes
from chimera_assets.contracts import known_contracts
from chimera_assets.lake import open_lake
from chimera_assets.postgres.databases import platform_database
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from datetime import datetime


def command_context(now: datetime, *, by: str | None = None, dry_run: bool = False) -> RunContext:
    """The context of one command.

    Args:
        now: The present.
        by: On whose behalf it acts, if that was stated.
        dry_run: Nothing is changed, so that nothing need be recorded either.

    Raises:
        ArgumentError: The name that was stated is empty.
        AuditError: The audit log cannot be written.
    """
    context = RunContext(
        lake=open_lake(),
        contracts=known_contracts(),
        now=now,
        run_id=str(uuid.uuid4()),
        actor=Principal.of_command(by),
        audit=AuditLog(platform_database(get_settings())),
    )
    if not dry_run:
        record_changes(
            context.audit,
            get_settings(),
            context.contracts,
            actor=context.actor,
            run_id=context.run_id,
        )
    return context
