"""What every part of a run or command works with: when, on what, by which contracts, for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from chimera_assets.access.principal import Principal
    from chimera_assets.audit.details import Details
    from chimera_assets.audit.log import AuditLog, Change
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class RunContext:
    """Made once, at the start of a run or command, and handed down.

    Attributes:
        lake: The lake.
        contracts: The contracts by stream.
        now: The present; nothing below asks the clock for it.
        run_id: Kept with everything that is written.
        actor: Who acts.
        audit: Where changes are recorded.
    """

    lake: Lake
    contracts: Mapping[str, Contract]
    now: datetime
    run_id: str
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
