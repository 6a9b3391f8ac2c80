"""Charts: pictures of series of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from chimera_assets.errors import counted
from chimera_assets.reports.document.checks import DocumentError, named, unique
from chimera_assets.reports.document.values import Kind

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

#: What a series has for an x; None is a gap.
Amount: TypeAlias = "int | float | Decimal | None"


class ChartKind(StrEnum):
    """How series are drawn: as lines over time, beside each other, on top of each other."""

    line = "line"
    bar = "bar"
    stacked = "stacked"


@dataclass(frozen=True, slots=True)
class Series:
    """What one line or colour of a chart stands for, with an amount for each x."""

    name: str
    values: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of series over the same x.

    Args:
        name: Unique in its document.
        title: The heading.
        alternative: What it shows, in words, for whoever cannot see it.
        kind: How it is drawn; over texts bars lie, over times they stand.
        x: All times (UTC) or all dates, ascending, or all texts.
        series: At least one.
        value_kind: What the amounts are.
        unit: Of the amounts.
    """

    name: str
    title: str
    alternative: str
    kind: ChartKind
    x: tuple[datetime, ...] | tuple[date, ...] | tuple[str, ...]
    series: tuple[Series, ...]
    value_kind: Kind = Kind.number
    unit: str = ""

    def __post_init__(self) -> None:
        where = f"chart {self.name}"
        named(where, self.name)
        if not self.alternative.strip():
            raise DocumentError(where, expected="an alternative text", found="none")
        if not self.series:
            raise DocumentError(where, expected="at least one series", found="none")
        unique(where, "names of series", (one.name for one in self.series))
        self._check_x(where)
        for one in self.series:
            self._check_amounts(f"{where}, series {one.name}", one.values)

    def _check_x(self, where: str) -> None:
        if len(kinds := {type(one).__name__ for one in self.x}) > 1:
            raise DocumentError(where, expected="x of one type", found=", ".join(sorted(kinds)))
        if kinds == {"str"}:
            if self.kind is ChartKind.line:
                raise DocumentError(where, expected="times or dates as x of lines", found="texts")
            unique(where, "texts as x", map(str, self.x))
        elif any(later <= earlier for earlier, later in pairwise(self.x)):  # type: ignore[operator]
            raise DocumentError(where, expected="ascending times as x", found="others")

    def _check_amounts(self, where: str, values: tuple[Amount, ...]) -> None:
        if len(values) != len(self.x):
            raise DocumentError(where, expected=counted(len(self.x), "amount"), found=len(values))
        for value in values:
            if value is None:
                continue
            if not isfinite(value):
                raise DocumentError(where, expected="numbers, or None for a gap", found=value)
            if value < 0 and self.kind is ChartKind.stacked:
                raise DocumentError(where, expected="nothing below 0 in a stack", found=value)
