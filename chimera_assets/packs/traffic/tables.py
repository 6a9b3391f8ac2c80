"""The lookup tables of a traffic file: their values column by column."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from chimera_assets.packs.traffic.definition import Traffic
    from chimera_assets.yaml_documents import Document, Location

WEIGHT = "weight"

#: What a table of weights calls its first column.
VALUE = "value"

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text",
          list: "a list of texts", date: "a day", datetime: "a time"}  # fmt: skip

_ANY_KIND = f"one of {', '.join(dict.fromkeys(_KINDS.values()))}"


def note_table(document: Document, traffic: Traffic, name: str) -> None:
    """Note rows that differ in their columns, and columns whose values differ in their types."""
    rows = traffic.tables[name]
    for number, row in enumerate(rows):
        here = _place(document, ("tables", name), number, row)
        if list(row) != list(rows[0]):
            expected = f"the columns {', '.join(rows[0])} as in the first row"
            document.problem(here, f"row of {name}", expected=expected, found=", ".join(row))
            continue
        for column, value in row.items():
            expected = _kind(rows[0][column]) or _ANY_KIND
            if column != WEIGHT and _kind(value) != expected:
                document.problem(here, f"{column} of {name}", expected=expected, found=repr(value))
        if WEIGHT in row and not _weight(row[WEIGHT]):
            what, expected = f"{WEIGHT} of {name}", "a number above 0"
            document.problem(here, what, expected=expected, found=repr(row[WEIGHT]))


def note_reference(document: Document, traffic: Traffic) -> None:
    """Note reference tables that are no lookup tables."""
    for number, name in enumerate(traffic.reference):
        if name not in traffic.tables:
            expected = f"a table, {one_of(traffic.tables, name)}"
            document.problem(("reference", number), "reference", expected=expected, found=name)


def _weight(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _place(document: Document, table: Location, number: int, row: dict[str, Any]) -> Location:
    """Where a row stands, also that of a table of weights, whose rows are keys."""
    numbered = (*table, number)
    return numbered if numbered in document.lines else (*table, str(row.get(VALUE)))


def _kind(value: object) -> str | None:
    return _KINDS.get(type(value))


def table_column(written: str) -> tuple[str, str]:
    """Table and column of what is written `table.column`, or `table` for its values."""
    table, _, column = written.partition(".")
    return table, column or VALUE


def missing(traffic: Traffic, written: str) -> tuple[str, str] | None:
    """What is expected and found where a table or its column is not there; None if it is."""
    table, column = table_column(written)
    if table not in traffic.tables:
        return f"a table, {one_of(traffic.tables, table)}", table
    if column not in (columns := traffic.tables[table][0]):
        return f"a column of {table}, {one_of(columns, column)}", written
    return None
