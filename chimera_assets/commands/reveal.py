"""Showing masked values to an operator who asks for them, which is on the record first."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from chimera_assets.commands.command_context import command_context

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager
    from datetime import datetime

    from chimera_assets.hours import HourRange


def revealed(
    table: str, columns: Collection[str], *, now: datetime, hours: HourRange | None = None
) -> AbstractContextManager[object]:
    """In the block, values of these columns may be shown; without any, there is nothing to record.

    Args:
        table: Layer and name of the table that holds the rows.
        columns: The columns that would be masked otherwise.
        now: The present.
        hours: The hours that were asked for.

    Raises:
        AuditError: The entry could not be written; nothing was shown.
    """
    if not columns:
        return nullcontext()
    shown = {"columns": sorted(columns), "hours": str(hours) if hours is not None else None}
    return command_context(now).change("rows.reveal", table, after=shown)
