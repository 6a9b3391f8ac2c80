"""Cells of a workbook, each with the type and the format of its value.

A spreadsheet holds numbers as doubles, of which it shows 15 digits: what has more is written as
text, so that no digit of an amount is lost. Nothing that is text becomes a formula or a link.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from chimera_assets.reports.document import Kind
from chimera_assets.reports.rendering.fonts import visible
from chimera_assets.reports.rendering.machines import text, utc
from chimera_assets.reports.rendering.people import decimals

if TYPE_CHECKING:
    from chimera_assets.reports.document import Value

_DIGITS = 15
_MOST_DECIMALS = 12
#: Days are counted from 1900 on, of which Excel takes February for a day longer than it was.
_FIRST_DAY = date(1900, 3, 1)
#: Units of UTF-16 in a cell.
_TEXT = 32_767


class Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:  # noqa: ANN401 - XlsxWriter's
        self._book = book
        self._numbers: dict[str, Any] = {}
        style = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"}
        self.text = book.add_format({"valign": "top"})
        self.heading = book.add_format(style)
        self.heading_right = book.add_format(style | {"align": "right"})

    def number(self, pattern: str) -> Any:  # noqa: ANN401 - XlsxWriter's
        """The format that shows a number or a time by this pattern."""
        if pattern not in self._numbers:
            self._numbers[pattern] = self._book.add_format({"num_format": pattern})
        return self._numbers[pattern]


class Cells:
    """What is written into a sheet.

    Args:
        sheet: XlsxWriter's.
        formats: Of its workbook.
        whole_in: The file that has what a cell has no room for.
    """

    def __init__(self, sheet: Any, formats: Formats, whole_in: str) -> None:  # noqa: ANN401
        self._sheet = sheet
        self._formats = formats
        self._whole_in = whole_in

    def write(self, place: tuple[int, int], value: Value, kind: Kind) -> None:
        """Write a value; None leaves the cell empty."""
        if isinstance(value, bool):
            _done(self._sheet.write_boolean(*place, value), place)
        elif isinstance(value, date) and _has_cell(value):
            pattern = "yyyy-mm-dd hh:mm:ss" if isinstance(value, datetime) else "yyyy-mm-dd"
            day = utc(value).replace(tzinfo=None) if isinstance(value, datetime) else value
            form = self._formats.number(pattern)
            _done(self._sheet.write_datetime(*place, day, form), place)
        elif isinstance(value, int | float | Decimal) and _is_exact(value):
            form = self._formats.number(_pattern(value, kind))
            _done(self._sheet.write_number(*place, value, form), place)
        else:
            self.write_text(place, text(value), self._formats.text)

    def write_text(self, place: tuple[int, int], words: str, form: Any) -> None:  # noqa: ANN401
        """Write a text, of one that is too long for a cell the beginning, which says so."""
        seen = visible(words)
        if len(seen.encode("utf-16-le")) > 2 * _TEXT:
            ending = f" … cut here; all of it is in {self._whole_in}"
            room = 2 * (_TEXT - len(ending))
            seen = seen.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + ending
        if seen:
            _done(self._sheet.write_string(*place, seen, form), place)


def _done(code: int, place: tuple[int, int]) -> None:
    """XlsxWriter leaves out in silence what has no room, and gives a number below 0."""
    if code:
        msg = f"row {place[0]:,}, column {place[1]:,}: XlsxWriter wrote nothing, code {code}"
        raise RuntimeError(msg)


def _has_cell(value: date) -> bool:
    if isinstance(value, datetime):
        return not value.microsecond and utc(value).date() >= _FIRST_DAY
    return value >= _FIRST_DAY


def _is_exact(value: float | Decimal) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    number = Decimal(value)
    return number.is_finite() and len(number.as_tuple().digits) <= _DIGITS


def _pattern(value: float | Decimal, kind: Kind) -> str:
    if kind is Kind.share:
        return "0.00%"
    places = min(decimals(value, kind), _MOST_DECIMALS)
    return "#,##0" + ("." + "0" * places if places else "")
