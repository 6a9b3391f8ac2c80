"""Tables that must be there, as rows were written into them once: without one, rows are lost.

What a table of its own has is no witness of that: who takes a table away takes its log along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import QUARANTINE, RAW, STAGED
from chimera_assets.packs import active_packs
from chimera_assets.packs.models import made_tables
from chimera_assets.system_tables.batches import judged_streams
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake

_JUDGED = "it is gone, though quality/batches has judged hours of its stream"
_PUBLISHED = "it is gone, though quality/batches has published hours of its stream"
_MADE = "it is gone, though quality/column_lineage has runs of its model"


def made_by_models() -> set[str]:
    """The tables that models of the active packs make, `layer/name`."""
    return set[str]().union(*map(made_tables, active_packs()))


def needed_tables(lake: Lake, contracts: Mapping[str, Contract]) -> dict[str, str]:
    """The tables that streams and models have written, `layer/name`, each with why it is needed.

    Those of a stream that has no contract any more, and of a model that no pack has, are not
    asked for.

    Args:
        lake: The lake.
        contracts: The contracts by stream.

    Raises:
        LakeError: The accounts of hours, or of models, cannot be read.
    """
    needed: dict[str, str] = {}
    for stream, published in judged_streams(lake).items():
        if stream not in contracts:
            continue
        needed |= dict.fromkeys((f"{RAW}/{stream}", f"{QUARANTINE}/{stream}"), _JUDGED)
        if published:
            needed[f"{STAGED}/{stream}"] = _PUBLISHED
    made = {"/".join(model) for model in column_lineages(lake)}
    return needed | dict.fromkeys(made & made_by_models(), _MADE)
