"""How each table is kept: for how long, in which order, by its contract and its pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import MARTS, QUALITY, QUARANTINE, STREAM_LAYERS, stream_of_fact
from chimera_assets.packs.aggregates import active_order
from chimera_assets.system_tables import check_results, column_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        stated_in: What says for how long; None of a table that is kept for ever.
    """

    stream: str | None
    order_by: tuple[str, ...]
    vacuum_days: float
    retention_days: int | None
    quarantine_days: float | None = None
    stated_in: str | None = None


class _Term(NamedTuple):
    """For how long, and what says so."""

    days: int | None
    stated_in: str | None


_FOR_EVER = _Term(None, None)
_DEFAULT = "the platform: no contract says"


def policy(table: Table, contracts: Mapping[str, Contract]) -> Policy:
    """How a table is kept, as the contracts say."""
    owner = _owner(table, contracts)
    of_quarantine = table.layer == QUARANTINE
    retention = _retention(table, owner, contracts)
    rejected = _quarantine(owner) if of_quarantine else _FOR_EVER
    return Policy(
        stream=owner.stream if owner is not None else None,
        order_by=order_by(table),
        vacuum_days=owner.vacuum_days if owner is not None else VACUUM_DAYS,
        retention_days=retention.days,
        quarantine_days=rejected.days,
        stated_in=rejected.stated_in if of_quarantine else retention.stated_in,
    )


def kept_days(table: Table, contracts: Mapping[str, Contract]) -> int | None:
    """For how many days a table's rows are kept, be it there or not; None for ever."""
    return _retention(table, _owner(table, contracts), contracts).days


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


def _retention(table: Table, owner: Contract | None, contracts: Mapping[str, Contract]) -> _Term:
    """Aggregates, dimensions and counts are kept; what names keys or values goes with the rows."""
    name = f"{table.layer}/{table.name}"
    said = [
        _Term(contract.table_retention[name], f"contract {contract.stream}: retention of {name}")
        for contract in contracts.values()
        if name in contract.table_retention
    ]
    if said:
        return _longest(said)
    if table.layer == QUALITY and table.name in _OF_ROWS:
        return _longest([_rows_of(c) for c in contracts.values() if c.kind == "stream"])
    return _rows_of(owner) if owner is not None else _FOR_EVER


def _rows_of(contract: Contract) -> _Term:
    return _Term(contract.retention_days, f"contract {contract.stream}: retention")


def _longest(terms: Sequence[_Term]) -> _Term:
    return max(terms, key=lambda term: term.days or 0, default=_Term(_RETENTION_DAYS, _DEFAULT))


def _quarantine(owner: Contract | None) -> _Term:
    if owner is None:
        return _Term(QUARANTINE_DAYS, _DEFAULT)
    return _Term(owner.quarantine_days, f"contract {owner.stream}: quarantineDays")
