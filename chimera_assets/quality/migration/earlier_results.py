"""What was found of hours that are made once more, forgotten: each hour counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake import partitions
from chimera_assets.lake.commit import commit
from chimera_assets.layers import QUALITY
from chimera_assets.system_tables import batches, check_results, column_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake

#: What judging keeps of hours, by name of the table.
RESULTS = (check_results.NAME, column_profiles.NAME, batches.NAME)


def forget_results(beside: Lake, hours: Sequence[HourRange]) -> None:
    """Delete what the lake beside has of these hours, from an earlier making of them."""
    if not hours:
        return
    here = pl.any_horizontal([partitions.expression(each) for each in hours])
    predicate = " OR ".join(partitions.predicate(each) for each in hours)

    def delete(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.delete(predicate, commit_properties=properties)

    for name in RESULTS:
        table = beside.table(QUALITY, name)
        if table.exists() and not table.read().filter(here).head(1).collect().is_empty():
            commit(table, delete, metadata={"chimera.write": "forget"})
