"""Tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.errors import counted
from chimera_assets.reports.document.checks import DocumentError, named, unique
from chimera_assets.reports.document.values import Alignment, Kind

if TYPE_CHECKING:
    from chimera_assets.reports.document.values import Value


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name for machines, its title for people.

    Args:
        name: Unique in its table.
        title: The heading.
        kind: How its values are shown.
        unit: Of all its values.
        alignment: Numbers stand right and all else left, unless this says otherwise.
    """

    name: str
    title: str
    kind: Kind = Kind.text
    unit: str = ""
    alignment: Alignment | None = None

    @property
    def side(self) -> Alignment:
        """Where its cells stand."""
        numeric = self.kind in {Kind.number, Kind.money, Kind.share}
        return self.alignment or (Alignment.right if numeric else Alignment.left)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows; a document for people shows the first of them and says how many there are.

    Args:
        name: Names the CSV file and the sheet.
        title: The heading.
        columns: At least one.
        rows: All rows, each with a value for every column.
        shown: So many of them stand in PDF and HTML.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    shown: int = 50

    def __post_init__(self) -> None:
        where = f"table {self.name}"
        named(where, self.name)
        if not self.columns:
            raise DocumentError(where, expected="at least one column", found="none")
        unique(where, "names of columns", (column.name for column in self.columns))
        expected = counted(len(self.columns), "value")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                place = f"{where}, row {number:,}"
                raise DocumentError(place, expected=expected, found=len(row))
