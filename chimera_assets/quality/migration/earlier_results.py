"""What was found of hours that are made once more, forgotten: each hour counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake import partitions
from chimera_assets.lake.commit import commit
from chimera_assets.system_tables.judgements import JUDGEMENTS, judgement_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake


def forget_results(beside: Lake, hours: Sequence[HourRange]) -> None:
    """Delete what the lake beside has of these hours, from an earlier making of them."""
    if not hours:
        return
    here = pl.any_horizontal([partitions.expression(each) for each in hours])
    predicate = " OR ".join(partitions.predicate(each) for each in hours)

    def delete(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.delete(predicate, commit_properties=properties)

    for name in JUDGEMENTS:
        table = judgement_table(beside, name)
        if table.exists() and not table.read().filter(here).head(1).collect().is_empty():
            commit(table, delete, metadata={"chimera.write": "forget"})
