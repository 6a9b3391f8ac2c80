"""`chimera sql`: a SELECT over the lake's tables."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from chimera_assets.commands.reveal import revealed
from chimera_assets.commands.rows import Format, print_rows
from chimera_assets.commands.terminal import notes
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import open_lake
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.warehouse.lake_query import pinned_tables, query_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import polars as pl

    from chimera_assets.warehouse.lake_query import PinnedTable

#: A table for people has so many rows at most: each is laid out as text.
_MOST_TABLE_ROWS = 1_000

_STDIN = "-"


def show(  # noqa: PLR0913 - the options of one command
    query: str,
    *,
    as_of: int | datetime | None,
    form: Format,
    raw: bool,
    reveal: bool,
    now: datetime,
) -> int:
    """Print the rows of a query; `-` is the query on standard input.

    Raises:
        ArgumentError: It is not one SELECT over tables of the lake, or fails on a value.
        AuditError: Values are to be revealed, and the audit log could not be written.
    """
    asked = _piped() if query == _STDIN else query
    lake = open_lake()
    masks = Masks(OPERATOR_LEVEL, known_contracts(), column_lineages(lake))
    tables = pinned_tables(lake, asked, masks, as_of=as_of)
    with ExitStack() as open_until_printed:
        for table in tables if reveal else ():
            open_until_printed.enter_context(revealed(table.path, table.used, now=now))
        rows = open_until_printed.enter_context(query_rows(lake, asked, tables, reveal=reveal))
        shown = _print(rows, form, raw=raw)
    if not reveal:
        _say_masked(tables)
    if not shown:
        notes().print("0 rows.")
    return 0


def _say_masked(tables: Iterable[PinnedTable]) -> None:
    """Name what is masked; and where the answer may be another than that of the values."""
    masked = {f"{table.path} {column}" for table in tables for column in table.used}
    computed = {f"{table.path} {column}" for table in tables for column in table.computed}
    if masked:
        listed = ", ".join(sorted(masked))
        notes().print(f"Masked: {listed}; --reveal shows them.", markup=False, soft_wrap=True)
    if computed:
        listed = ", ".join(sorted(computed))
        said = (
            f"Conditions, joins, counts and order see the mask of {listed}, too: rows and numbers "
            "may be others than those of the values, which --reveal takes."
        )
        notes().print(said, markup=False, soft_wrap=True)


def _piped() -> str:
    """What is on standard input.

    Raises:
        ArgumentError: It is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        msg = "the query: expected UTF-8 on standard input"
        raise ArgumentError(msg) from None


def _print(rows: pl.LazyFrame, form: Format, *, raw: bool) -> int:
    if form is not Format.table:
        return print_rows(rows, form, raw=raw)
    frame = rows.head(_MOST_TABLE_ROWS + 1).collect()
    shown = print_rows(frame.head(_MOST_TABLE_ROWS).lazy(), form)
    if frame.height > shown:  # what was cut must not look whole
        notes().print(f"The first {shown:,} rows; --format csv or json prints all.")
    return shown
