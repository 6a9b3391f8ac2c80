"""Who types a command, and what a command works with that changes something."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.audited_context import AuditedContext, new_context

if TYPE_CHECKING:
    from datetime import datetime


def command_context(
    now: datetime, *, by: str | None = None, dry_run: bool = False
) -> AuditedContext:
    """The context of one command.

    Args:
        now: The present.
        by: On whose behalf it acts, if that was stated.
        dry_run: Nothing is changed, so that nothing need be recorded either.

    Raises:
        ArgumentError: The name that was stated is empty.
        AuditError: The audit log cannot be written.
    """
    actor = Principal.of_command(by)
    return new_context(actor, now=now, run_id=str(uuid.uuid4()), dry_run=dry_run)
