"""`chimera retention status`: what is past its time, who holds it, what comes next."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import Plain, notes, print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.lake import open_lake
from chimera_assets.lifecycle.retention_status import (
    NOT_JUDGED,
    State,
    retention_status,
    table_names,
)
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chimera_assets.lifecycle.retention_status import TableRetention


def show_status(*, table: str | None, as_json: bool, now: datetime) -> int:
    """Print how each table stands to its retention; 1 if anything is overdue or gone.

    Raises:
        ArgumentError: There is no such table, nor does a contract or pack tell of it.
    """
    lake, contracts = open_lake(), known_contracts()
    if table is not None and table not in (known := table_names(lake, contracts)):
        expected = one_of(known, table, listed_by="chimera retention status")
        msg = f"--table: expected {expected}; found {table}"
        raise ArgumentError(msg)
    found = list(retention_status(lake, contracts, now, only=table))
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        _print(found)
    return 1 if any(each.state in {State.OVERDUE, State.GONE} for each in found) else 0


def _print(found: Sequence[TableRetention]) -> None:
    """Tables that were evaluated, and the holds on them; of the others why they were not."""
    evaluated = [each for each in found if each.state not in NOT_JUDGED]
    if evaluated:
        columns = ("table", "status", "days", "from", "oldest", "newest", "due", "overdue", "held")
        more = ("next purge", "oldest version", "of")
        print_table((*columns, *more), map(_cells, evaluated))
    if holds := [(hold, each) for each in evaluated for hold in each.holds]:
        print_table(
            ("hold", "table", "rows due", "held by", "held for"),
            ((hold.hold_id, each.table, hold.rows, hold.by, hold.reason) for hold, each in holds),
        )
    reasons: dict[str, list[str]] = {}
    for each in found:
        if each.not_evaluated is not None:
            reasons.setdefault(each.not_evaluated, []).append(each.table)
    for reason, tables in reasons.items():
        named = ", ".join(tables)
        said = f"Not evaluated, {counted(len(tables), 'table')}: {reason} ({named})."
        notes().print(said, markup=False, soft_wrap=True)


def _cells(each: TableRetention) -> list[object]:
    version = Plain(each.oldest_version) if each.oldest_version is not None else None
    return [
        each.table,
        str(each.state),
        f"{each.keep_days:g}",
        each.counted_from,
        each.oldest,
        each.newest,
        each.rows_due,
        each.rows_overdue,
        each.rows_held,
        each.next_purge,
        version,
        each.oldest_version_at,
    ]
