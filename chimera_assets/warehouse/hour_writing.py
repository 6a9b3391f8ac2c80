"""A model's hours on their way into its table: one whose values do not fit stops no other.

A sum may be beyond its column's type though each of its rows is fine, and then the engine gives no
rows at all. So the hours are halved until the one is found that it is about: the others are
replaced, it keeps the rows that it has, and is named at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, counted, in_short
from chimera_assets.hours import ONE_HOUR, HourRange, partition_key
from chimera_assets.row_values import value_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from chimera_assets.lake.stream import Data
    from chimera_assets.lake.table import Table


class HoursUnfit(ChimeraError):  # noqa: N818
    """Hours of a model have values that its columns cannot hold; the others are in its table."""


def write_fitting_hours(
    table: Table,
    rows: Callable[[HourRange], Data],
    hours: HourRange,
    metadata: Mapping[str, str],
) -> None:
    """Replace hours of a table, in one commit if all of them fit.

    Args:
        table: The table.
        rows: Gives the rows of some hours, the same whenever it is asked.
        hours: The hours.
        metadata: Kept with the commits.

    Raises:
        HoursUnfit: Some do not, and have the rows that they had.
    """
    unfit = dict(_written(table, rows, hours, metadata))
    if unfit:
        others = len(hours) - len(unfit)
        msg = (
            f"{table.layer}/{table.name}: {in_short([*map(partition_key, unfit)])} held back, as "
            f"values of rows do not add up to any that its columns can hold "
            f"({next(iter(unfit.values()))}); {counted(others, 'other hour')} replaced. Find the "
            "rows with far too large values, and bound the column in its contract (`maximum`)"
        )
        raise HoursUnfit(msg)


def _written(
    table: Table,
    rows: Callable[[HourRange], Data],
    hours: HourRange,
    metadata: Mapping[str, str],
) -> Iterator[tuple[datetime, str]]:
    """The hours that do not fit, each with what the engine says of it."""
    try:
        table.write_hours(rows(hours), hours, metadata=metadata)
    except Exception as error:
        fault = value_fault(error)
        if fault is None:
            raise
        if len(hours) == 1:
            yield hours.start, fault
            return
        middle = hours.start + len(hours) // 2 * ONE_HOUR
        for half in (HourRange(hours.start, middle), HourRange(middle, hours.end)):
            yield from _written(table, rows, half, metadata)
