"""Which tenants there are rows of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.layers import MARTS, RAW, STAGED, fact_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


def known_tenants(lake: Lake, contracts: Mapping[str, Contract], stream: str | None) -> set[str]:
    """The names of tenants in the rows of a stream, of all streams for None, as text.

    Of each row only the tenant's column is read.
    """
    found: set[str] = set()
    for contract in contracts.values():
        if contract.tenant is None or stream not in {None, contract.stream}:
            continue
        for layer, name in (
            (RAW, contract.stream),
            (STAGED, contract.stream),
            (MARTS, fact_table(contract.stream)),  # which may be kept longer than the others
        ):
            table = lake.table(layer, name)
            if table.exists() and contract.tenant in table.schema().names:
                column = pl.col(contract.tenant).cast(pl.String).drop_nulls().unique()
                rows = table.read(columns=[contract.tenant]).select(column)
                found |= set(rows.collect(engine="streaming").to_series())
    return found
