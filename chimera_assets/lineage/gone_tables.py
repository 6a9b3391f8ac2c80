"""The tables that had rows of a stream once and are gone, so that they tell nothing of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import STREAM_LAYERS
from chimera_assets.lifecycle.needed_tables import needed_tables
from chimera_assets.lineage.facts import readers

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake
    from chimera_assets.privacy.origins import Lineages


def gone_tables(lake: Lake, contract: Contract, lineages: Lineages) -> list[str]:
    """Of each such table, `layer/name`, in words that it is gone, and how that is known.

    Args:
        lake: The lake.
        contract: The contract of the stream.
        lineages: What models make their columns of.

    Raises:
        LakeError: The accounts of hours, or of models, cannot be read.
    """
    stream = contract.stream
    had = {(layer, stream) for layer in STREAM_LAYERS} | readers(lineages, stream)
    absent = {"/".join(each) for each in had - set(lake.tables())}
    needed = needed_tables(lake, {stream: contract})
    return [f"{name}: {needed[name]}" for name in sorted(absent & needed.keys())]
