"""A range of hours as Delta and Polars want to hear it: predicates, filters, expressions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, ONE_HOUR, HourRange

_ONE_DAY = timedelta(days=1)
_LAST_HOUR = 23


@dataclass(frozen=True, slots=True)
class Block:
    """Days in a row, all with the same hours of the day; both bounds of each included."""

    first_day: date
    last_day: date
    first_hour: int
    last_hour: int

    def sql(self, alias: str = "") -> str:
        """The block as a SQL condition."""
        day, hour = alias + DAY_COLUMN, alias + HOUR_COLUMN
        if self.first_day == self.last_day:
            days = f"{day} = '{self.first_day}'"
        else:
            days = f"{day} >= '{self.first_day}' AND {day} <= '{self.last_day}'"
        if self.first_hour == self.last_hour:
            return f"{days} AND {hour} = {self.first_hour}"
        return f"{days} AND {hour} >= {self.first_hour} AND {hour} <= {self.last_hour}"

    def filters(self) -> list[tuple[str, str, str]]:
        """The block as Delta partition filters, which all must hold."""
        return [
            (DAY_COLUMN, ">=", str(self.first_day)),
            (DAY_COLUMN, "<=", str(self.last_day)),
            (HOUR_COLUMN, ">=", str(self.first_hour)),
            (HOUR_COLUMN, "<=", str(self.last_hour)),
        ]

    def expression(self) -> pl.Expr:
        """The block as a Polars condition."""
        return pl.col(DAY_COLUMN).is_between(self.first_day, self.last_day) & pl.col(
            HOUR_COLUMN
        ).is_between(self.first_hour, self.last_hour)


def blocks(hours: HourRange) -> list[Block]:
    """The range cut into at most three blocks: a first part-day, whole days, a last part-day."""
    last = hours.end - ONE_HOUR
    first_day, last_day = hours.start.date(), last.date()
    if first_day == last_day:
        return [Block(first_day, last_day, hours.start.hour, last.hour)]
    found: list[Block] = []
    if hours.start.hour:
        found.append(Block(first_day, first_day, hours.start.hour, _LAST_HOUR))
        first_day += _ONE_DAY
    tail = last.hour < _LAST_HOUR
    last_whole = last_day - _ONE_DAY if tail else last_day
    if first_day <= last_whole:
        found.append(Block(first_day, last_whole, 0, _LAST_HOUR))
    if tail:
        found.append(Block(last_day, last_day, 0, last.hour))
    return found


def predicate(hours: HourRange, alias: str = "") -> str:
    """The SQL condition that holds for exactly the rows of these hours.

    Args:
        hours: The hours.
        alias: A prefix for the column names, `target.` for instance.
    """
    return " OR ".join(f"({block.sql(alias)})" for block in blocks(hours))


def expression(hours: HourRange) -> pl.Expr:
    """The Polars condition that holds for exactly the rows of these hours."""
    return pl.any_horizontal([block.expression() for block in blocks(hours)])


def hour_ordinal(moment: datetime) -> int:
    """Hours since 1970: the number by which rows are compared with a range."""
    epoch = datetime.combine(date(1970, 1, 1), time(), UTC)
    return int((moment - epoch) / ONE_HOUR)
