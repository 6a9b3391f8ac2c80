"""What a figure or a cell may be, and how it is meant."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

#: A datetime is in UTC; None is "not known".
Value: TypeAlias = str | int | Decimal | float | bool | date | datetime | None


class Status(StrEnum):
    """What the evidence says; `not evaluated` where there is none."""

    satisfied = "satisfied"
    not_satisfied = "not satisfied"
    not_evaluated = "not evaluated"


class Kind(StrEnum):
    """What a value is, by which it is shown: a share of 0.982 as 98.2 %, money with its digits."""

    text = "text"
    number = "number"
    money = "money"
    share = "share"
    time = "time"
    flag = "flag"


class Alignment(StrEnum):
    """On which side of its column a cell stands."""

    left = "left"
    right = "right"
