"""Which rows of a table legal holds keep: all of an hour's, or those of the tenant held.

The contract of a stream names the column of its tenant. Where there is no telling whose a row is,
it is kept: it may be anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.lifecycle.legal_holds import active_holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.contracts.model import Column
    from chimera_assets.lake import Lake
    from chimera_assets.lifecycle.legal_holds import Hold


@dataclass(frozen=True, slots=True)
class TableHold:
    """A hold as it bears on one table.

    Attributes:
        hold: The hold.
        tenants: The columns that may name a row's tenant; None if rows are held whosever they are.
    """

    hold: Hold
    tenants: tuple[Column, ...] | None

    def rows(self, value: Callable[[str], pl.Expr | None]) -> pl.Expr | None:
        """Whether a row, of an hour that is held, is held; None if all of the hour are.

        Args:
            value: A column's value in the table's rows; None where they lack the column.
        """
        if self.tenants is None or self.hold.tenant_id is None:
            return None
        held = []
        for column in self.tenants:
            found = value(column.name)
            if found is None:
                return None
            held.append(_is_of(column, found, self.hold.tenant_id))
        return pl.any_horizontal(held)

    def keeps(self, value: Callable[[str], pl.Expr | None]) -> pl.Expr:
        """Whether a row of any hour is held, as an expression; see `rows`."""
        hold, rows = self.hold, self.rows(value)
        kept = pl.lit(value=True) if rows is None else rows
        if hold.start is not None:
            kept &= hold.start <= HOUR_START
        if hold.end is not None:
            kept &= hold.end > HOUR_START
        return kept


def holds_on(lake: Lake, contracts: Mapping[str, Contract], stream: str | None) -> list[TableHold]:
    """The holds in force on a table.

    Args:
        lake: The lake.
        contracts: The contracts by stream.
        stream: Whose rows the table has; None if of several, so that a hold on any of them holds.
    """
    return [
        TableHold(hold, _tenants(hold, contracts, stream))
        for hold in active_holds(lake, stream)
        if not _is_of_no_tenant(hold, contracts, stream)
    ]


def _is_of_no_tenant(hold: Hold, contracts: Mapping[str, Contract], stream: str | None) -> bool:
    """Whether a tenant is held in every stream that has tenants, and this one has none.

    A stream without a contract may have had them.
    """
    contract = contracts.get(stream) if stream is not None else None
    if hold.tenant_id is None or hold.stream is not None or contract is None:
        return False
    return contract.tenant is None


def _tenants(
    hold: Hold, contracts: Mapping[str, Contract], stream: str | None
) -> tuple[Column, ...] | None:
    if hold.tenant_id is None:
        return None
    streams = [name for name, contract in contracts.items() if contract.tenant is not None]
    if stream is not None or hold.stream is not None:
        streams = [name for name in streams if name == (stream or hold.stream)]
    columns = (contracts[name].tenant_column for name in streams)
    return tuple(column for column in columns if column is not None) or None


def _is_of(column: Column, value: pl.Expr, tenant: str) -> pl.Expr:
    text = value.cast(pl.String)
    if column.type == "integer":  # rejected rows may have any text there
        text = text.cast(pl.Int64, strict=False).cast(pl.String)
    return text.is_null() | (text == tenant)
