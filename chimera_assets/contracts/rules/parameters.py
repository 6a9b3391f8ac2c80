"""The kinds of values that a check can be given, and how a wrong one is described."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.hours import LONGEST_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a check: what it accepts, whether a value is that, if it must be."""

    expected: str
    accepts: Callable[[Any], bool]
    required: bool = True
    is_column: bool = False

    def optional(self) -> Parameter:
        """The same, for a parameter that may be left out."""
        return Parameter(self.expected, self.accepts, required=False, is_column=self.is_column)


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _is_days(value: object) -> bool:
    return _is_count(value) and value <= LONGEST_DAYS  # type: ignore[operator]


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= float(value) <= 1  # type: ignore[arg-type]


def _is_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_regex(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w+\.\w+", value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def choice(*values: str) -> Parameter:
    """A parameter that is one of a few words."""
    return Parameter(f"one of {', '.join(values)}", values.__contains__)


NUMBER = Parameter("a finite number", _is_number)
COUNT = Parameter(f"a whole number, 0 to {_MOST:,}", _is_count)
DAYS = Parameter(f"a whole number of days, 0 to {LONGEST_DAYS:,}", _is_days)
SHARE = Parameter("a share between 0 and 1", _is_share)
TEXT = Parameter("a text that is not empty", _is_text)
NAMES = Parameter("a list of names", _is_names)
COLUMNS = Parameter(
    "a list of columns",
    _is_names,
    is_column=True,
)
REGEX = Parameter("a regular expression", _is_regex)
REFERENCE = Parameter("table.column of a reference contract", _is_reference)
COLUMN = Parameter("the name of a column", _is_text, is_column=True)
TRUTH = Parameter("true or false", lambda value: isinstance(value, bool))
VALUES = Parameter("a list of values", lambda value: isinstance(value, list) and bool(value))
