"""The context of a run or command whose changes are recorded in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.run_context import RunContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from chimera_assets.access.principal import Principal
    from chimera_assets.audit.details import Details
    from chimera_assets.audit.log import AuditLog, Change
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
