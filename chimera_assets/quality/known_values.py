"""The known values that rules compare rows with, from the staged reference tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.contracts import required_references
from chimera_assets.errors import ChimeraError
from chimera_assets.layers import STAGED

if TYPE_CHECKING:
    import polars as pl

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


def known_values(lake: Lake, contract: Contract) -> dict[str, pl.Series]:
    """The known values that the contract's rules compare with, from the staged reference tables.

    Raises:
        ChimeraError: A reference table has not been extracted yet.
    """
    known: dict[str, pl.Series] = {}
    for reference in required_references(contract):
        stream, column = reference.split(".")
        table = lake.table(STAGED, stream)
        if not table.exists():
            msg = (
                f"{contract.stream}: its rules compare with {reference}, but {table.uri} does not "
                f"exist yet; materialize staged/{stream} first"
            )
            raise ChimeraError(msg)
        known[reference] = table.read(columns=[column]).collect().to_series().drop_nulls().unique()
    return known
