"""Retention status: of each table what is past its time and still there, computed from the table.

    for table in retention_status(lake, contracts, now): ...

Nothing here believes what upkeep reported of itself, nor changes anything.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.errors import ChimeraError, one_line
from chimera_assets.hour_columns import hour_starts
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.lake.time_travel import reach
from chimera_assets.layers import QUARANTINE, STREAM_LAYERS
from chimera_assets.lifecycle.held_rows import holds_on
from chimera_assets.lifecycle.legal_holds import active_holds
from chimera_assets.lifecycle.maintenance import UPKEEP_TIME
from chimera_assets.lifecycle.needed_tables import made_by_models, needed_tables
from chimera_assets.lifecycle.past_time import (
    CYCLE,
    past_by_day,
    past_by_hour,
    past_in_quarantine,
)
from chimera_assets.lifecycle.policy import policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.lifecycle.past_time import PastTime
    from chimera_assets.lifecycle.policy import Policy

_HOUR, _DAY, _REJECTED = "event hour", "event day", "first rejected"

_FOR_EVER = "no retention is said of it: its rows are kept"
_NOT_THERE = "there is no such table yet"
_NO_HOURS = "it is neither by the hour nor by the day, so that no row has a time to be kept from"


class State(StrEnum):
    """How a table stands to its retention."""

    COMPLIANT = "compliant"
    DUE = "due"
    OVERDUE = "overdue"
    ON_HOLD = "on hold"
    GONE = "gone"
    NOT_EVALUATED = "not evaluated"


#: The states of tables of which no row was looked at.
NOT_JUDGED = frozenset({State.GONE, State.NOT_EVALUATED})


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A legal hold in force on a table.

    Attributes:
        hold_id: Its name.
        by: Who placed it.
        reason: Why.
        rows: How many rows it keeps that are past their time; one that several holds keep counts
            for each.
    """

    hold_id: str
    by: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class TableRetention:
    """How one table stands to its retention.

    Attributes:
        table: `layer/name`.
        state: Overdue: rows are past their time for more than a whole cycle of purges, and no hold
            keeps them. Due: since this cycle. On hold: all that are past their time are held.
        not_evaluated: Why not, where it was not.
        keep_days: For how long rows are kept; None for ever.
        stated_in: What says so.
        counted_from: What a row's time is counted from: `event hour`, `event day` or, in
            quarantine, `first rejected`.
        rows: Its rows.
        oldest: The first event hour (or day) that has rows; None if there are none by the hour.
        newest: The last one.
        rows_due: Rows past their time; those held too.
        rows_overdue: Of those not held, the rows that were past their time a whole cycle ago.
        rows_held: Of the rows due, those that a hold keeps.
        holds: The holds in force on it.
        next_purge: When the schedule deletes next what is due; None where nothing ever is.
        past_days: For how long a version can be read after the next one, as the contract says.
        oldest_version: The oldest version from which on every one can be read now; None if there
            is no table.
        oldest_version_at: When that was committed.
    """

    table: str
    state: State = State.NOT_EVALUATED
    not_evaluated: str | None = None
    keep_days: float | None = None
    stated_in: str | None = None
    counted_from: str | None = None
    rows: int | None = None
    oldest: datetime | None = None
    newest: datetime | None = None
    rows_due: int | None = None
    rows_overdue: int | None = None
    rows_held: int | None = None
    holds: tuple[HeldBy, ...] = ()
    next_purge: datetime | None = None
    past_days: float | None = None
    oldest_version: int | None = None
    oldest_version_at: datetime | None = None


def table_names(lake: Lake, contracts: Mapping[str, Contract]) -> list[str]:
    """Every table there is, and those that contracts and packs tell of, `layer/name`, in order."""
    told = {
        *("/".join(each) for each in lake.tables()),
        *(f"{layer}/{stream}" for layer in STREAM_LAYERS for stream in contracts),
        *(table for contract in contracts.values() for table in contract.table_retention),
        *made_by_models(),
    }
    return sorted(told)


def retention_status(
    lake: Lake, contracts: Mapping[str, Contract], now: datetime, *, only: str | None = None
) -> Iterator[TableRetention]:
    """How each table stands; one that cannot be read or is gone keeps no other from it.

    Args:
        lake: The lake.
        contracts: The contracts by stream.
        now: The present.
        only: One table, `layer/name`.
    """
    needed: dict[str, str] = {}
    with suppress(ChimeraError):  # a table that cannot be read is told as such below
        needed = needed_tables(lake, contracts)
    for name in table_names(lake, contracts) if only is None else [only]:
        try:
            found = _status(lake, contracts, now, name)
            if found.not_evaluated == _NOT_THERE and name in needed:
                found = replace(found, state=State.GONE, not_evaluated=needed[name])
            yield found
        except ChimeraError as error:
            yield TableRetention(name, not_evaluated=one_line(str(error)))


def next_upkeep(now: datetime) -> datetime:
    """When the schedule runs upkeep next."""
    today = datetime.combine(now.astimezone(UTC).date(), UPKEEP_TIME, UTC)
    return today if today > now else today + CYCLE


def _status(
    lake: Lake, contracts: Mapping[str, Contract], now: datetime, name: str
) -> TableRetention:
    layer, _, short = name.partition("/")
    table = lake.table(layer, short)
    if not table.exists():
        return TableRetention(name, not_evaluated=_NOT_THERE)
    kept, reached, moments = policy(table, contracts), reach(table), _moments(table)
    found = TableRetention(
        name,
        keep_days=kept.quarantine_days if table.layer == QUARANTINE else kept.retention_days,
        stated_in=kept.stated_in,
        rows=table.count(),
        oldest=min(moments, default=None),
        newest=max(moments, default=None),
        past_days=kept.vacuum_days,
        oldest_version=reached.version,
        oldest_version_at=reached.since,
    )
    if found.keep_days is None:
        return replace(found, not_evaluated=_FOR_EVER)
    past = _past(lake, contracts, now, table, kept)
    if past is None:
        return replace(found, not_evaluated=_NO_HOURS)
    counted_from, counts = past
    return replace(_judged(found, counts), counted_from=counted_from, next_purge=next_upkeep(now))


def _moments(table: Table) -> list[datetime]:
    """The starts of the hours, or of the days, that have rows; none of other tables."""
    columns = table.partition_columns()
    if columns == list(HOUR_COLUMNS):
        return hour_starts(table.rows_by_hour())
    if columns == [DAY_COLUMN]:
        days = table.rows_by_day().filter(pl.col("rows") > 0)[DAY_COLUMN].drop_nulls()
        return [datetime.combine(day, time(), UTC) for day in days]
    return []


def _past(
    lake: Lake, contracts: Mapping[str, Contract], now: datetime, table: Table, kept: Policy
) -> tuple[str, PastTime] | None:
    """What is past its time, and what times are counted from; None where upkeep deletes nothing."""
    if kept.quarantine_days is not None:
        on_table = holds_on(lake, contracts, table.name)
        return _REJECTED, past_in_quarantine(table, kept.quarantine_days, now, on_table)
    days, columns = kept.retention_days, table.partition_columns()
    if days is not None and columns == list(HOUR_COLUMNS):
        on_table = holds_on(lake, contracts, kept.stream)
        return _HOUR, past_by_hour(table, days, now, on_table)
    if days is not None and columns == [DAY_COLUMN]:
        return _DAY, past_by_day(table, days, now, active_holds(lake, None))
    return None


def _judged(found: TableRetention, past: PastTime) -> TableRetention:
    if past.overdue:
        state = State.OVERDUE
    elif past.rows > past.held:
        state = State.DUE
    else:
        state = State.ON_HOLD if past.held else State.COMPLIANT
    return replace(
        found,
        state=state,
        rows_due=past.rows,
        rows_overdue=past.overdue,
        rows_held=past.held,
        holds=tuple(
            HeldBy(hold.hold_id, hold.by, hold.reason, rows) for hold, rows in past.by_hold
        ),
    )
