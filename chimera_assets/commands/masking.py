"""Values that are not for every eye: what is shown in their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chimera_assets.sources.landing import damage

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract

#: Columns classified so or higher are masked: personal and restricted data.
LEVEL = "L3"

MASK = "•••"


def masked_record(contract: Contract | None, record: str) -> dict[str, Any]:
    """A quarantined record with the values of personal columns masked.

    A column that the contract does not know (any more) is masked too, as nobody can say what it
    holds; so is every column if there is no contract.
    """
    values: dict[str, Any] = json.loads(record)
    open_columns = {damage.RULE, damage.FILE, damage.LINE, damage.WHY}
    if contract is not None:
        open_columns |= set(contract.column_names) - contract.classified(LEVEL)
    return {
        name: value if name in open_columns or value is None else MASK
        for name, value in values.items()
    }


def shown_key(contract: Contract | None, key: str | None) -> str | None:
    """A row's key, masked if a column of it is personal."""
    if key is None:
        return None
    if contract is None or contract.classified(LEVEL) & set(contract.key):
        return MASK
    return key
