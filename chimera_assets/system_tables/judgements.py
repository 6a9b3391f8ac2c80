"""All that judging keeps of hours, for whoever moves it as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import QUALITY
from chimera_assets.system_tables import batches, check_results, column_profiles

if TYPE_CHECKING:
    from chimera_assets.lake import Lake, Table

#: The names of its tables; the counts, by which hours are published, are last.
JUDGEMENTS = (check_results.NAME, column_profiles.NAME, batches.NAME)


def judgement_table(lake: Lake, name: str) -> Table:
    """One of these tables."""
    return lake.table(QUALITY, name)
