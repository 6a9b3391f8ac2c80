"""How each table is kept: for how long, in which order, by its contract and its pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import MARTS, QUALITY, QUARANTINE, STREAM_LAYERS, stream_of_fact
from chimera_assets.packs.aggregates import active_order
from chimera_assets.system_tables import check_results, column_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Table

#: The platform's own tables that name keys or values of rows.
_OF_ROWS = frozenset({check_results.NAME, column_profiles.NAME})

#: How long a table's past can be read, where no contract says.
VACUUM_DAYS = 7

#: How long rejected rows wait whose stream has no contract any more.
QUARANTINE_DAYS = 7

#: How long quality results are kept, if there is no stream at all.
_RETENTION_DAYS = 90


@dataclass(frozen=True, slots=True)
class Policy:
    """How one table is kept.

    Attributes:
        stream: The stream whose rows it has; None for a table of several.
        order_by: The columns its hours are ordered by.
        vacuum_days: For how long its past can be read.
        retention_days: For how long its rows are kept; None for ever.
        quarantine_days: For how long rejected rows are kept; None for a table of other rows.
    """

    stream: str | None
    order_by: tuple[str, ...]
    vacuum_days: float
    retention_days: int | None
    quarantine_days: float | None = None


def policy(table: Table, contracts: Mapping[str, Contract]) -> Policy:
    """How a table is kept, as the contracts say."""
    owner = _owner(table, contracts)
    stream = owner.stream if owner is not None else None
    return Policy(
        stream=stream,
        order_by=order_by(table),
        vacuum_days=owner.vacuum_days if owner is not None else VACUUM_DAYS,
        retention_days=_retention(table, owner, contracts),
        quarantine_days=_quarantine_days(table, owner),
    )


def order_by(table: Table) -> tuple[str, ...]:
    """The columns by which the rows of a table's hours are kept in order; none for most tables."""
    if table.layer != MARTS or table.partition_columns() != list(HOUR_COLUMNS):
        return ()
    names = set(table.schema().names)
    return tuple(name for name in active_order().get(table.name, ()) if name in names)


def _owner(table: Table, contracts: Mapping[str, Contract]) -> Contract | None:
    """The contract whose rows the table has."""
    if table.layer in STREAM_LAYERS:
        return contracts.get(table.name)
    stream = stream_of_fact(table.name) if table.layer == MARTS else None
    return contracts.get(stream) if stream is not None else None


def _retention(
    table: Table, owner: Contract | None, contracts: Mapping[str, Contract]
) -> int | None:
    """Aggregates, dimensions and counts are kept; what names keys or values goes with the rows."""
    said = [
        contract.table_retention[f"{table.layer}/{table.name}"]
        for contract in contracts.values()
        if f"{table.layer}/{table.name}" in contract.table_retention
    ]
    if said:
        return max(said)
    if table.layer == QUALITY and table.name in _OF_ROWS:
        days = (c.retention_days for c in contracts.values() if c.kind == "stream")
        return max(days, default=_RETENTION_DAYS)
    return owner.retention_days if owner is not None else None


def _quarantine_days(table: Table, owner: Contract | None) -> float | None:
    if table.layer != QUARANTINE:
        return None
    return owner.quarantine_days if owner is not None else QUARANTINE_DAYS
