"""What every step of a run works with: on which lake, when, and as which run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets import __version__
from chimera_assets.lake.commit import CODE, RUN

if TYPE_CHECKING:
    from collections.abc import Mapping
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

    def __post_init__(self) -> None:
        """Let every commit that is made through this lake say which run made it."""
        self.lake.provenance = provenance(self.run_id)


def provenance(run_id: str) -> Mapping[str, str]:
    """What commits of a run say of themselves: the run, and the version of the code."""
    return {RUN: run_id, CODE: __version__}
