"""The context of a run or command whose changes are recorded in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.catch_up import catch_up
from chimera_assets.audit.configuration import record_changes
from chimera_assets.audit.log import AuditLog
from chimera_assets.contracts import known_contracts
from chimera_assets.lake import open_lake
from chimera_assets.postgres.databases import platform_database
from chimera_assets.run_context import RunContext
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from chimera_assets.access.principal import Principal
    from chimera_assets.audit.catch_up import CaughtUp
    from chimera_assets.audit.details import Details
    from chimera_assets.audit.log import Change
    from chimera_assets.contracts import Contract


@dataclass(frozen=True, slots=True)
class AuditedContext(RunContext):
    """A run with somebody who acts, and the log in which that is recorded.

    Attributes:
        contracts: The contracts by stream.
        actor: Who acts.
        audit: Where changes are recorded.
    """

    contracts: Mapping[str, Contract]
    actor: Principal
    audit: AuditLog

    def change(
        self,
        action: str,
        resource: str,
        *,
        before: Details | None = None,
        after: Details | None = None,
        reason: str | None = None,
    ) -> AbstractContextManager[Change]:
        """Say that something is about to change, and change it in the block; see `AuditLog.change`.

        Raises:
            AuditError: The entry could not be written; the block was not entered.
        """
        return self.audit.change(
            action,
            resource,
            actor=self.actor,
            before=before,
            after=after,
            reason=reason,
            run_id=self.run_id,
        )

    def catch_up(self) -> CaughtUp:
        """Bring the audit log up to date with what was changed; see `audit.catch_up`."""
        return catch_up(self.audit, self.lake, get_settings(), self.actor)


def new_context(
    actor: Principal, *, now: datetime, run_id: str, dry_run: bool = False
) -> AuditedContext:
    """The context of a run or command: by the settings, with what changed of them on the record.

    Args:
        actor: Who acts.
        now: The present.
        run_id: Kept with everything that is written.
        dry_run: Nothing is changed, so that nothing need be recorded either.

    Raises:
        AuditError: The audit log cannot be written.
    """
    settings = get_settings()
    context = AuditedContext(
        lake=open_lake(),
        now=now,
        run_id=run_id,
        contracts=known_contracts(),
        actor=actor,
        audit=AuditLog(platform_database(settings)),
    )
    if not dry_run:
        record_changes(context.audit, settings, context.contracts, actor=actor, run_id=run_id)
    return context
