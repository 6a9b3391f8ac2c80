"""Landed files taken back or read again: on the record, and never against a legal hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ArgumentError
from chimera_assets.hour_columns import HOUR_START
from chimera_assets.layers import LANDING
from chimera_assets.lifecycle.held_rows import holds_on
from chimera_assets.lifecycle.legal_holds import require_reason
from chimera_assets.sources.landing import rows_of_file, take_back

if TYPE_CHECKING:
    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.lifecycle.held_rows import TableHold
    from chimera_assets.sources.landing import Place, TakenBack


def reload_file(
    context: AuditedContext, contract: Contract, uri: str, place: Place, *, reason: str
) -> TakenBack:
    """Read a landed file again, in place of what landed of it; see `take_back`.

    Raises:
        ArgumentError: A legal hold keeps rows of it, or no reason is named.
        AuditError: The audit log could not be written; the file is as it was.
    """
    return _changed(context, contract, uri, place, "landing.reload", reason)


def remove_file(context: AuditedContext, contract: Contract, uri: str, *, reason: str) -> TakenBack:
    """Take back all rows of a landed file, for good; see `take_back`.

    Raises:
        ArgumentError: A legal hold keeps rows of it, or no reason is named.
        AuditError: The audit log could not be written; the file is as it was.
    """
    return _changed(context, contract, uri, None, "landing.remove", reason)


def _changed(  # noqa: PLR0913, PLR0917
    context: AuditedContext,
    contract: Contract,
    uri: str,
    place: Place | None,
    action: str,
    reason: str,
) -> TakenBack:
    require_reason(reason)
    table = context.lake.table(LANDING, contract.stream)
    _refuse_if_held(context, contract, uri)
    about = {"file": uri, "version": table.version()}
    with context.change(action, f"{LANDING}/{contract.stream}", before=about, reason=reason):
        return take_back(context, contract, uri, place=place)


def _refuse_if_held(context: AuditedContext, contract: Contract, uri: str) -> None:
    rows = rows_of_file(context.lake.table(LANDING, contract.stream), uri)
    for held in holds_on(context.lake, context.contracts, contract.stream):
        if _holds_any(held, rows):
            msg = (
                f"{uri}: expected a file of which no row is held, found rows that "
                f"{held.hold.hold_id} keeps; `chimera hold list` says why"
            )
            raise ArgumentError(msg)


def _holds_any(held: TableHold, rows: pl.LazyFrame) -> bool:
    names = rows.collect_schema().names()
    whose = held.rows(lambda name: pl.col(name) if name in names else None)
    found = rows.filter(whose) if whose is not None else rows
    hours = found.select(HOUR_START).unique().collect(engine="streaming").to_series()
    return any(map(held.hold.covers, hours))
