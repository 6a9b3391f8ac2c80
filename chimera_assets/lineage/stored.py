"""Where a table has a record now, by the states that it went through there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lineage.happenings import changed_columns
from chimera_assets.lineage.record import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.lineage.row_states import State
    from chimera_assets.lineage.table_log import TableLog


def from_first(found: list[State]) -> list[State]:
    """The states from the first one in which the record was there, or may have been."""
    some = [number for number, one in enumerate(found) if one.rows is None or one.rows.height]
    if not any(one.rows is not None and one.rows.height for one in found):
        return []
    return found[some[0] :]


def now_of(found: Sequence[State]) -> pl.DataFrame:
    """The rows that a table has now."""
    last = found[-1].rows if found else None
    return last if last is not None else pl.DataFrame()


def stored_in(log: TableLog, found: Sequence[State]) -> Stored | None:
    """Where a table has a record now; None if it does not."""
    if not (rows := now_of(found)).height:
        return None
    by = newest = found[-1]
    for older in reversed(found[:-1]):
        if older.rows is None or not older.rows.height or changed_columns(older.rows, rows):
            break
        by = older
    commit, files = by.commit, newest.files
    # Other rows of the hour may have been written again since, and with them these.
    holding = [
        one.commit for one in found if one.commit is not None and set(files) & set(one.commit.added)
    ]
    rewritten = holding[-1].version if holding and holding[-1] is not commit else None
    name = f"{log.table.layer}/{log.table.name}"
    if commit is None:
        return Stored(name, None, None, None, None, files, rewritten)
    contract = commit.said.get("contract")
    return Stored(name, commit.version, commit.at, commit.run, contract, files, rewritten)
