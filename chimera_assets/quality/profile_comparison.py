"""A stream's columns in some hours, beside what they were like in the hours before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import ONE_HOUR, HourRange
from chimera_assets.quality.column_profiles import CLASSIFIED
from chimera_assets.system_tables.column_profiles import newest_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake

#: With so many hours before, those that have rows, hours are compared.
HOURS_BEFORE = 24


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """A column in some hours.

    Attributes:
        rows: Rows of the hours.
        null_share: Share of them that has no value; None if there are none.
        median_distinct_an_hour: Different values of an hour, the median over the hours. Which ones
            they were is not kept, so that those of all hours together cannot be counted.
        lowest: The least number or time of any hour; None where it is not kept.
        highest: The greatest.
        top_values: The most frequent values and their rows, most frequent first, of the hours that
            keep any; None if none does.
        uncounted_rows: Rows with a value in hours that keep none of them.
    """

    rows: int = 0
    null_share: float | None = None
    median_distinct_an_hour: float | None = None
    lowest: str | None = None
    highest: str | None = None
    top_values: tuple[tuple[str, int], ...] | None = None
    uncounted_rows: int = 0


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A column in some hours, and in those before."""

    column: str
    type: str
    now: ColumnSummary
    before: ColumnSummary


@dataclass(frozen=True, slots=True)
class ProfileComparison:
    """The columns of some hours.

    Attributes:
        hours: The hours.
        before: How many hours they are compared with.
        columns: The columns, in the contract's order, then those that it has no more.
    """

    hours: HourRange
    before: int
    columns: tuple[ComparedColumn, ...]


def compared_profiles(
    lake: Lake, contract: Contract, hours: HourRange | None = None
) -> ProfileComparison | None:
    """Compare hours of a stream with the last hours before that had rows.

    Args:
        lake: The lake.
        contract: The stream's contract. Of columns that it classifies by now no values are given.
        hours: The hours; None for the newest that has a profile.

    Returns:
        None if none of the hours has a profile.
    """
    profiles = newest_profiles(lake, contract.stream).with_columns(start=HOUR_START)
    if hours is None:
        last = profiles.select(pl.col("start").max()).collect().item()
        if last is None:
            return None
        hours = HourRange(last, last + ONE_HOUR)
    now = profiles.filter(pl.col("start").is_between(hours.start, hours.end, closed="left"))
    earlier = profiles.filter(pl.col("start") < hours.start)
    starts = earlier.select(pl.col("start").unique().top_k(HOURS_BEFORE)).collect().to_series()
    before = earlier.filter(pl.col("start").is_in(starts.implode()))
    found, known = (_by_column(each.collect(), contract) for each in (now, before))
    if not found:
        return None
    order = {name: at for at, name in enumerate(contract.column_names)}
    names = sorted(found, key=lambda name: (order.get(name, len(order)), name))
    return ProfileComparison(
        hours,
        len(starts),
        tuple(
            ComparedColumn(
                name, found[name][-1]["type"], _summary(found[name]), _summary(known.get(name, ()))
            )
            for name in names
        ),
    )


def _by_column(rows: pl.DataFrame, contract: Contract) -> dict[str, list[dict[str, Any]]]:
    hidden = contract.classified(CLASSIFIED)
    open_names = set(contract.column_names) - hidden
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        if row["column"] not in open_names:
            row |= {"lowest": None, "highest": None, "top_values": None}
        found.setdefault(row["column"], []).append(row)
    return found


def _summary(hours: Sequence[dict[str, Any]]) -> ColumnSummary:
    if not hours:
        return ColumnSummary()
    rows, nulls = (sum(hour[name] for hour in hours) for name in ("rows", "nulls"))
    top = _top(hours)
    return ColumnSummary(
        rows=rows,
        null_share=nulls / rows if rows else None,
        median_distinct_an_hour=median(hour["distinct"] for hour in hours),
        lowest=_extreme(min, hours, "lowest"),
        highest=_extreme(max, hours, "highest"),
        top_values=top,
        uncounted_rows=rows - nulls - sum(count for _, count in top or ()),
    )


def _extreme(choose: Callable[..., str], hours: Iterable[dict[str, Any]], end: str) -> str | None:
    """The least or greatest of the hours' ends, numbers as numbers; times as text have an order."""
    found = [hour for hour in hours if hour[end] is not None]
    if not found:
        return None
    is_time = found[-1]["type"] in {"timestamp", "date"}
    return choose((hour[end] for hour in found), key=str if is_time else Decimal)


def _top(hours: Sequence[dict[str, Any]]) -> tuple[tuple[str, int], ...] | None:
    counted: dict[str, int] = {}
    for each in (one for hour in hours for one in hour["top_values"] or ()):
        counted[each["value"]] = counted.get(each["value"], 0) + each["rows"]
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return tuple(ordered) or None
