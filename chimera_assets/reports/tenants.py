"""Which column of which table tells the tenants apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import LANDING, RAW, STAGED
from chimera_assets.privacy.origins import origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.privacy.origins import Lineages


def tenant_columns(contracts: Mapping[str, Contract], lineages: Lineages) -> dict[str, str]:
    """Table -> the column with the tenant of each of its rows; a table without one is not there.

    Tables of streams have the one of their contract. A column of a model is one if it is made of
    nothing but such columns, in every version of the model that has written rows.

    Args:
        contracts: Every contract that is known.
        lineages: What the models' columns are made of.
    """
    named = {
        (contract.stream, contract.tenant)
        for contract in contracts.values()
        if contract.tenant is not None
    }
    found = {
        f"{layer}/{stream}": column for layer in (LANDING, RAW, STAGED) for stream, column in named
    }
    for (layer, table), versions in lineages.items():
        columns = set.intersection(*(set(one.columns) for one in versions.values()))
        for column in sorted(columns):
            made_of = origins(lineages, layer, table, column)
            only = made_of.known and not made_of.streams and made_of.columns
            if only and made_of.columns <= named:
                found.setdefault(f"{layer}/{table}", column)
    return found
