"""Who types a command, and what a command works with that changes something."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.audited_context import AuditedContext, new_context
from chimera_assets.commands.invocation import at_end
from chimera_assets.commands.terminal import notes

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
    context = new_context(actor, now=now, run_id=str(uuid.uuid4()), dry_run=dry_run)
    if not dry_run:
        at_end(lambda: _catch_up(context))
    return context


def _catch_up(context: AuditedContext) -> None:
    """Bring the audit log up to date with what the command has changed."""
    for failure in context.catch_up().failures:
        said = f"The audit log is not up to date: {failure}"
        notes().print(said, markup=False, soft_wrap=True)
