"""How commands print: tables for people, JSON for programs, notes on the error stream."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The width of what goes into a pipe or file.
_WIDE = 220
_KILO = 1024

Cell = object


def out() -> Console:
    """The console on standard output; in a pipe it never breaks or cuts a line to 80 columns."""
    return _console(sys.stdout)


def notes() -> Console:
    """The console on standard error: progress, hints, what a program need not read."""
    return _console(sys.stderr)


def _console(stream: IO[str]) -> Console:
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False)


def print_json(value: object) -> None:
    """Print a value as JSON; times as ISO 8601 in UTC."""
    json.dump(value, sys.stdout, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write("\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None
) -> None:
    """Print a table; numbers stand to the right, a bar | in a cell is just that."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    cells = [list(row) for row in rows]
    for watermark, column in enumerate(columns):
        numbers = [row[watermark] for row in cells if row[watermark] is not None]
        right = bool(numbers) and all(isinstance(n, (int, float, Size)) for n in numbers)
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(escape(text(cell)) for cell in row))
    out().print(table)


class Size(int):
    """A number of bytes, shown in a unit that people read."""


def text(value: Cell) -> str:
    """A cell's value as people read it."""
    match value:
        case None:
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case Size():
            shown = _size(value)
        case int():
            shown = f"{value:,}"
        case float():
            shown = f"{value:,.2f}"
        case datetime():
            shown = f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case _:
            shown = str(value)
    return shown


def percent(rate: float | None) -> str | None:
    """A rate as a percentage that never rounds up to 100."""
    if rate is None:
        return None
    cut = int(rate * 10_000 + 1e-9) / 100
    return f"{cut:.2f}%"


def iso(moment: datetime) -> str:
    """A time in ISO 8601, UTC, written with a Z."""
    in_utc = moment.astimezone(UTC)
    timespec = "microseconds" if in_utc.microsecond else "seconds"
    return in_utc.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < _KILO:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= _KILO
    return f"{amount:,.1f} TiB"
