"""A table as CSV (RFC 4180): a heading, all rows, CRLF, UTF-8."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.foreign_texts import FORMULA
from chimera_assets.reports.rendering.machines import text

if TYPE_CHECKING:
    from chimera_assets.reports.document import Table, Value

_FORMULA = re.compile(FORMULA)
_QUOTED = re.compile(r'[",\r\n]')


def csv_bytes(table: Table) -> bytes:
    """All rows of the table, below the names of its columns.

    None is nothing and an empty text `""`. A text that a spreadsheet would take for a formula has
    an apostrophe before it.
    """
    lines = [_line([column.name for column in table.columns]), *map(_line, table.rows)]
    return "".join(lines).encode()


def _line(values: list[str] | tuple[Value, ...]) -> str:
    fields = [_field(value) for value in values]
    # A line of one empty field would be an empty line, which readers pass over.
    return (",".join(fields) if fields != [""] else '""') + "\r\n"


def _field(value: Value) -> str:
    if not isinstance(value, str):
        return text(value)
    safe = f"'{value}" if _FORMULA.match(value) else value
    return '"' + safe.replace('"', '""') + '"' if not safe or _QUOTED.search(safe) else safe
