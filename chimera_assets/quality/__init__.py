"""What happens to rows between raw and staged: each is judged, and none is lost.

A row breaks no rule and is staged, or breaks one and waits in quarantine with every reason, or is
an older version of a staged row and is counted as a duplicate. An hour with too many bad rows is
not published at all.
"""

from chimera_assets.quality.judge import Explained, Judge, Screened
from chimera_assets.quality.results import READABLE
from chimera_assets.quality.staging import Staging, stage_hours, stage_reference

__all__ = [
    "READABLE",
    "Explained",
    "Judge",
    "Screened",
    "Staging",
    "stage_hours",
    "stage_reference",
]
