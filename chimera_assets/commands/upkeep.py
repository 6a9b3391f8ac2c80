"""`chimera upkeep`: what the nightly upkeep does, by hand, or only listed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.tables import named
from chimera_assets.commands.terminal import Size, notes, print_json, print_table
from chimera_assets.errors import counted
from chimera_assets.lifecycle.maintenance import maintain_lake

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.system_tables.upkeep import Maintained


def run(*, table: str | None, dry_run: bool, as_json: bool, now: datetime) -> int:
    """Maintain one table or all; 1 if one of them could not be maintained.

    Raises:
        ArgumentError: There is no such table.
    """
    if table is not None:
        named(table)
    context = command_context(now, dry_run=dry_run)
    maintained = list(maintain_lake(context, only=table, dry_run=dry_run))
    if as_json:
        print_json([asdict(each) for each in maintained])
    else:
        print_table(
            ("table", "rows dropped", "held", "merged", "ordered", "skipped", "files", "freed"),
            (
                (
                    each.table,
                    each.rows_dropped,
                    each.hours_held,
                    each.hours_merged,
                    each.hours_ordered,
                    each.hours_skipped,
                    f"{each.files_before:,} -> {each.files_after:,}",
                    Size(each.bytes_freed),
                )
                for each in maintained
                if _needed_something(each)
            ),
            title="What upkeep would do" if dry_run else "What upkeep did",
        )
        quiet = sum(not _needed_something(each) for each in maintained)
        notes().print(f"{quiet:,} of {counted(len(maintained), 'table')} needed nothing.")
    failed = [each for each in maintained if each.error is not None]
    for each in failed:
        notes().print(f"{each.table}: {each.error}", markup=False, soft_wrap=True)
    return 1 if failed else 0


def _needed_something(maintained: Maintained) -> bool:
    counts = (
        maintained.rows_dropped,
        maintained.hours_held,
        maintained.hours_merged,
        maintained.hours_ordered,
        maintained.hours_skipped,
        maintained.files_deleted,
    )
    return maintained.error is not None or any(counts)
