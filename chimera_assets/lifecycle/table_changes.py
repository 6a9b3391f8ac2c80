"""Tables changed by hand: restored, merged, ordered, old files deleted; each on the record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chimera_assets.lifecycle.policy import order_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table
    from chimera_assets.lake.commit import Commit


def restore(context: AuditedContext, table: Table, target: int | datetime) -> Commit:
    """Make a table again what it was at a version or time; see `Table.restore`.

    Raises:
        AuditError: The audit log could not be written; the table is as it was.
    """
    at: dict[str, object]
    at = {"as_of": target} if isinstance(target, datetime) else {"as_of_version": target}
    with context.change("table.restore", _name(table), before=_version(table), after=at):
        return table.restore(target)


def optimize(
    context: AuditedContext, table: Table, hours: HourRange | None, z_order: Sequence[str]
) -> dict[str, int]:
    """Merge the small files of each hour, or rewrite them in the order of columns.

    Raises:
        LakeError: The table has no such column.
        AuditError: The audit log could not be written; the table is as it was.
    """
    if z_order:
        table.read(hours, z_order)  # reads nothing yet: refuses an unknown column, off the record
    how = {"hours": str(hours) if hours is not None else "all", "z_order": list(z_order)}
    with context.change("table.optimize", _name(table), before=_version(table), after=how):
        if z_order:
            return table.z_order(z_order, hours, kept_in=order_by(table))
        return table.optimize(hours)


def vacuum(context: AuditedContext, table: Table, days: float, *, full: bool) -> list[str]:
    """Delete the files that no version of the last days needs; see `Table.vacuum`.

    Raises:
        AuditError: The audit log could not be written; no file was deleted.
    """
    how = {"keep_days": days, "full": full}
    with context.change("table.vacuum", _name(table), before=_version(table), after=how):
        return table.vacuum(days, full=full)


def _name(table: Table) -> str:
    return f"{table.layer}/{table.name}"


def _version(table: Table) -> dict[str, int]:
    return {"version": table.version()}
