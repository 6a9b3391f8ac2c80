"""Which hour a row belongs to: one rule, in the three languages in which rows are placed.

A row belongs to the hour of its event. Where the event has no readable time, or seems to be more
than `AHEAD` later than the row's arrival, it belongs to the hour of its arrival. A row without any
readable time belongs to no hour. Where the contract names no arrival, only the event counts.

PostgreSQL also has times that Arrow cannot hold (see `readable.py`); in Arrow and Polars these are
null already. `tests/sources/test_placement.py` compares the three on random rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from chimera_assets.sources.readable import unreadable_when

if TYPE_CHECKING:
    from chimera_assets.sources.catalogue import SourceColumn

#: How much later than its arrival an event may seem: clocks differ that much.
AHEAD = timedelta(minutes=5)


def placed_sql(event: SourceColumn, arrival: SourceColumn | None) -> str:
    """SQL for the time that places a row; null or unreadable if none does."""
    if arrival is None:
        return event.sql
    return f"CASE WHEN {_misplaced(event, arrival)} THEN {arrival.sql} ELSE {event.sql} END"


def placed_between_sql(
    event: SourceColumn, arrival: SourceColumn | None, start: str, end: str
) -> str:
    """SQL for whether a row is placed between two times; an index range on each of its times.

    Args:
        event: The column with the event's time.
        arrival: The column with the arrival, if there is one.
        start: SQL for the first moment.
        end: SQL for the moment after the last one.
    """
    by_event = event.between(start, end)
    if arrival is None:
        return by_event
    return (
        f"({by_event} AND ({_ahead(event, arrival)}) IS NOT TRUE) OR "
        f"({arrival.between(start, end)} AND {_misplaced(event, arrival)})"
    )


def _misplaced(event: SourceColumn, arrival: SourceColumn) -> str:
    return f"({event.sql} IS NULL OR {_unreadable(event)} OR {_ahead(event, arrival)})"


def _ahead(event: SourceColumn, arrival: SourceColumn) -> str:
    # An arrival that cannot be represented says nothing about the event, and adding to it may fail.
    allowed = f"interval '{AHEAD.total_seconds():.0f} seconds'"
    return (
        f"CASE WHEN {event.sql} <= {arrival.sql} OR {_unreadable(arrival)} THEN false "
        f"ELSE {event.sql} > {arrival.sql} + {allowed} END"
    )


def _unreadable(column: SourceColumn) -> str:
    return unreadable_when(column) or "false"


def placed_arrow(event: pa.Array, arrival: pa.Array | None) -> pa.Array:
    """The times that place rows, as Arrow has them; null if none does."""
    if arrival is None:
        return event
    latest = pc.add(arrival, pa.scalar(AHEAD, pa.duration("us")))
    ahead = pc.fill_null(pc.greater(event, latest), fill_value=False)
    return pc.if_else(pc.or_(pc.is_null(event), ahead), arrival, event)


def placed_polars(event: pl.Expr, arrival: pl.Expr | None) -> pl.Expr:
    """The time that places a row, as a Polars expression; null if none does."""
    if arrival is None:
        return event
    ahead = (event > arrival + pl.lit(AHEAD)).fill_null(value=False)
    return pl.when(event.is_null() | ahead).then(arrival).otherwise(event)
