"""Masks: which values of rows an exit does not show, by the columns' classification, and how.

Every exit says which level it masks from on. What no contract describes is masked, too, as nobody
can say what it holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.contracts import Contract

#: Masked from this level on where no login stands between the reader and the values: Dagster's
#: pages, which show previews of tables.
PAGES_LEVEL = "L2"

#: Masked from this level on (personal and restricted data) for the operator at the command line,
#: who may ask to see them.
OPERATOR_LEVEL = "L3"

MASK = "•••"


def masked_columns(contract: Contract, level: str) -> frozenset[str]:
    """The columns of a stream whose values are masked from this level on."""
    return frozenset(contract.classified(level))


def mask(value: object) -> str | None:
    """What is shown in place of a value; that there is none may be seen."""
    return None if value is None else MASK


def masked_record(
    contract: Contract | None, record: str, *, level: str, shown: Collection[str] = ()
) -> dict[str, Any]:
    """A record, a JSON object of columns and values, with those of masked columns masked.

    Args:
        contract: What describes the columns; None if there is none any more.
        record: The record.
        level: Masked from this level on.
        shown: Further names that are shown, though no contract describes them.
    """
    known = set(shown)
    if contract is not None:
        known |= set(contract.column_names) - masked_columns(contract, level)
    values: dict[str, Any] = json.loads(record)
    return {name: value if name in known else mask(value) for name, value in values.items()}


def masked_key(contract: Contract | None, key: str | None, *, level: str) -> str | None:
    """A row's key, masked if a column of it is."""
    hidden = contract is None or masked_columns(contract, level) & set(contract.key)
    return mask(key) if hidden else key
