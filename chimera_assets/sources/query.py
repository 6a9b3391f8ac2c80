"""The SQL that reads a stream's rows; every name in it comes quoted from the server.

Arrow cannot hold all that PostgreSQL can. A value beyond it (a time that is infinite, before year 1
or after 9999; a numeric beyond double precision; an array of several dimensions) is read as null,
and its original text goes into `_unreadable`, a JSON object of column and text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.placement import placed_between_sql, placed_sql
from chimera_assets.sources.readable import original_text, unreadable_when

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.sources.catalogue import SourceColumn, SourceTable

#: The settings by which the hours reach the query: rows come by COPY, which has no parameters.
FROM_SETTING, TO_SETTING = "chimera.from", "chimera.to"

# Subqueries, so that they are evaluated once and not for each row (half of the server's time).
_FROM = f"(SELECT current_setting('{FROM_SETTING}')::timestamptz)"
_TO = f"(SELECT current_setting('{TO_SETTING}')::timestamptz)"


def query(contract: Contract, table: SourceTable, *, hourly: bool) -> str:
    """The contract's columns and `_unreadable`, of the hours in the settings or of all rows."""
    unreadable = {
        column.name: condition
        for column in contract.columns
        if (condition := unreadable_when(table.columns[column.name]))
    }
    selected = [
        _selected(table.columns[column.name], column, unreadable.get(column.name))
        for column in contract.columns
    ]
    where = f" WHERE {in_hours(contract, table)}" if hourly else ""
    return (
        f"SELECT {', '.join([*selected, _original_text(table, unreadable)])} "  # noqa: S608
        f"FROM {table.quoted}{where}"
    )


def placed_before(contract: Contract, table: SourceTable, moment: str) -> str:
    """Whether a row has a readable time that places it before a moment, which is SQL.

    Two index ranges, as in `in_hours`.
    """
    first = "'0001-01-01 00:00+00'::timestamptz"
    return placed_between_sql(*_times(contract, table), first, moment)


def in_no_hour(contract: Contract, table: SourceTable) -> str:
    """Whether a row has neither a readable event time nor a readable arrival."""
    return " AND ".join(
        f"({table.columns[name].sql} IS NULL OR {unreadable_when(table.columns[name])})"
        for name in (contract.event_time, contract.arrival_time)
        if name is not None
    )


def readable(column: SourceColumn, wanted: Column) -> str:
    """SQL for a contract's column; null where it cannot be read."""
    return _selected(column, wanted, unreadable_when(column))


def _selected(column: SourceColumn, wanted: Column, unreadable: str | None) -> str:
    value = column.read_as(wanted)
    return f"CASE WHEN {unreadable} THEN NULL ELSE {value} END" if unreadable else value


def _original_text(table: SourceTable, unreadable: Mapping[str, str]) -> str:
    """JSON of the values that cannot be represented; null, and cheap, for all other rows."""
    if not unreadable:
        return "NULL::text"
    parts = ", ".join(
        f"{table.columns[name].literal}, "
        f"CASE WHEN {condition} THEN {original_text(table.columns[name])} END"
        for name, condition in unreadable.items()
    )
    return (
        f"CASE WHEN {' OR '.join(unreadable.values())} "
        f"THEN json_strip_nulls(json_build_object({parts}))::text END"
    )


def in_hours(contract: Contract, table: SourceTable) -> str:
    """Whether a row is of the hours in the settings; two index ranges, one on each of the times."""
    if contract.event_time is None:
        where = f"contract of {contract.stream}"
        raise SourceError(
            where,
            problem="expected a column with the event's time, found none",
            remedy="name it in the contract, or make it a reference table, which has no hours",
        )
    return placed_between_sql(*_times(contract, table), _FROM, _TO)


def placed_hour(contract: Contract, table: SourceTable) -> str:
    """The hour that a row is placed in, by the same rule; null or endless if none is."""
    return f"date_trunc('hour', {placed_sql(*_times(contract, table))})"


def arrived_at(contract: Contract, table: SourceTable) -> str:
    """The arrival (or event, where the contract names no arrival), null if it cannot be read."""
    name = contract.arrival_time or contract.event_time or ""
    return readable(table.columns[name], contract.column(name))


def _times(contract: Contract, table: SourceTable) -> tuple[SourceColumn, SourceColumn | None]:
    """The columns of the event and, if the contract names one, of the arrival."""
    arrival = contract.arrival_time
    event = table.columns[contract.event_time or ""]
    return event, table.columns[arrival] if arrival is not None else None
