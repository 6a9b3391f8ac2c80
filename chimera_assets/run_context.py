"""What every step of a run works with: on which lake, when, and as which run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class RunContext:
    """Made once, at the start of a step or command, and handed down.

    What changes tables on somebody's behalf works with an `AuditedContext`.

    Attributes:
        lake: The lake.
        now: The present; nothing below asks the clock for it.
        run_id: Kept with everything that is written.
    """

    lake: Lake
    now: datetime
    run_id: str
