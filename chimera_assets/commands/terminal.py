"""How commands print: tables for people, JSON for programs, notes on the error stream."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import IO, TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement, measure_renderables
from rich.table import Table

from chimera_assets.commands.visible import json_escaped, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

#: The width of what goes into a pipe or file: what anything needs.
_ANY_WIDTH = 100_000
_KILO = 1024
#: Decimals of a rate: 1 - 7 / 100 is 0.93, and not a little less.
_RATE_DIGITS = 15

Cell = object


def out() -> Console:
    """The console on standard output; in a pipe it never breaks a line."""
    return _console(sys.stdout)


def notes() -> Console:
    """The console on standard error: progress, hints, what a program need not read."""
    return _console(sys.stderr)


class VisibleConsole(Console):
    """A console on which other people's text does nothing but stand there; see `visible`."""

    def __init__(self, *, file: IO[str], width: int | None = None) -> None:
        # Without what rich would make of numbers, and of words between colons.
        super().__init__(file=file, width=width, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401
        """Every text that is printed, in a cell of a table, too, goes through here."""
        return super().render_str(visible(text), **options)


def _console(stream: IO[str]) -> Console:
    width = None if stream.isatty() else _ANY_WIDTH
    return VisibleConsole(file=stream, width=width)


def print_json(value: object) -> None:
    """Print a value as JSON; times as ISO 8601 in UTC."""
    written = json.dumps(value, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write(json_escaped(written) + "\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def print_table(
    columns: Sequence[str], rows: Iterable[Iterable[Cell]], *, title: str | None = None
) -> None:
    """Print a table; numbers stand to the right, a bar | in a cell is just that.

    At a terminal that is too narrow for its longest words, each row is a block of lines instead,
    so that nothing breaks that somebody may want to copy.
    """
    cells = [list(row) for row in rows]
    console = out()
    if title is not None:
        console.print(f"[italic]{escape(title)}[/]", soft_wrap=True)
    table = _table(columns, cells)
    if _fit(console, table):
        console.print(table)
    elif cells:
        _print_blocks(console, columns, cells)
    else:
        console.print(", ".join(columns), markup=False, soft_wrap=True)
    console.print()


def _fit(console: Console, table: Table) -> bool:
    """Give the widest columns of a table less until it fits; False if words would have to break.

    Rich by itself makes a column narrower than its longest word while others have room to give.
    """
    anywhere = console.options.update(max_width=_ANY_WIDTH)
    columns = [
        measure_renderables(console, anywhere, [column.header, *column.cells])
        for column in table.columns
    ]
    between = Measurement.get(console, anywhere, table).maximum - sum(c.maximum for c in columns)
    room = console.width - between
    widest = max((c.maximum for c in columns), default=0)
    for most in range(min(widest, room), -1, -1):
        widths = [max(c.minimum, min(c.maximum, most)) for c in columns]
        if sum(widths) <= room:
            for column, width in zip(table.columns, widths, strict=True):
                column.width = width
            return True
    return False


def _table(columns: Sequence[str], cells: list[list[Cell]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for at, column in enumerate(columns):
        numbers = [row[at] for row in cells if row[at] is not None]
        right = bool(numbers) and all(isinstance(n, (int, float, Decimal, Size)) for n in numbers)
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(escape(text(cell)) for cell in row))
    return table


def _print_blocks(console: Console, columns: Sequence[str], cells: list[list[Cell]]) -> None:
    """One line a cell, which has a value."""
    longest = max(map(len, columns))
    for number, row in enumerate(cells):
        if number:
            console.print()
        for column, cell in zip(columns, row, strict=True):
            if cell is not None:
                console.print(f"{column:<{longest}}  {text(cell)}", markup=False, soft_wrap=True)


class Size(int):
    """A number of bytes, shown in a unit that people read."""


class Plain(int):
    """A number that somebody may copy: without separators."""


class PlainFloat(float):
    """The same; to fifteen digits, which is what a double holds of any decimal number."""


class Seconds(float):
    """A time that something took, shown to the hundredth; other numbers lose no digit."""


def text(value: Cell) -> str:
    """A cell's value as people read it."""
    match value:
        case None:
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case Size():
            shown = _size(value)
        case Plain():
            shown = f"{value:d}"
        case PlainFloat():
            shown = f"{value:.15g}"
        case Seconds():
            shown = f"{value:,.2f}"
        case int() | float():
            shown = f"{value:,}"
        case Decimal():
            shown = f"{value:f}"  # all digits of its scale: `str` writes small ones as 1.5E-8
        case datetime():
            shown = f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case _:
            shown = str(value)
    return shown


def percent(rate: float | None) -> str | None:
    """A rate as a percentage, cut to two decimals: what falls short of a threshold shows that.

    Only what is some never shows as 0.
    """
    if rate is None:
        return None
    exact = Decimal(str(round(rate, _RATE_DIGITS))) * 100
    cut = exact.quantize(Decimal("0.01"), ROUND_DOWN)
    return f"{max(cut, Decimal('0.01')) if rate > 0 else cut}%"


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
