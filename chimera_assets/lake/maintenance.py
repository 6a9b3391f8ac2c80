"""Upkeep of a table: restore, compaction, z-order, vacuum. Safe beside running writers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from deltalake.exceptions import DeltaError

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import partitions, reading
from chimera_assets.lake.commit import Commit, commit
from chimera_assets.lake.errors import LakeError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.hours import HourRange
    from chimera_assets.lake.table import Table

_Filters: TypeAlias = list[tuple[str, str, str]] | None


def restore(table: Table, target: int | datetime) -> Commit:
    """Make the table again what it was; see `Table.restore`."""
    as_of = target if isinstance(target, datetime) else None
    version = None if isinstance(target, datetime) else target
    wanted = reading.past(table, version, as_of).version()
    told = {"chimera.write": "restore", "chimera.restored": str(wanted)}

    def go_back(delta: DeltaTable, properties: CommitProperties) -> None:
        try:
            delta.restore(wanted, commit_properties=properties)
        except DeltaError as error:
            if "missing file" not in str(error).lower():
                raise
            msg = (
                f"{table.uri}: version {wanted} cannot be restored: a file of it is gone (vacuum "
                "deletes what only old versions use); choose a newer version"
            )
            raise LakeError(msg) from error

    return commit(table, go_back, metadata=told)


def optimize(table: Table, hours: HourRange | None) -> dict[str, int]:
    """Merge small files; see `Table.optimize`."""

    def compact(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
        return delta.optimize.compact(partition_filters=chosen, commit_properties=properties)

    return _rewritten(table, hours, compact, "optimize")


def z_order(table: Table, columns: Sequence[str], hours: HourRange | None) -> dict[str, int]:
    """Rewrite in the order of columns; see `Table.z_order`."""

    def order(delta: DeltaTable, properties: CommitProperties, chosen: _Filters) -> Any:  # noqa: ANN401
        return delta.optimize.z_order(
            list(columns), partition_filters=chosen, commit_properties=properties
        )

    return _rewritten(table, hours, order, "z-order")


def _rewritten(
    table: Table,
    hours: HourRange | None,
    rewrite: Callable[[DeltaTable, CommitProperties, _Filters], Any],
    name: str,
) -> dict[str, int]:
    totals = {"files_added": 0, "files_removed": 0}
    chosen: list[_Filters] = [None]
    if hours is not None:
        chosen = [block.filters() for block in partitions.blocks(hours)]
    for each in chosen:

        def action(delta: DeltaTable, properties: CommitProperties, each: _Filters = each) -> None:
            metrics = rewrite(delta, properties, each)
            totals["files_added"] += metrics["numFilesAdded"]
            totals["files_removed"] += metrics["numFilesRemoved"]

        commit(table, action, metadata={"chimera.write": name})
    return totals


def compact_unplaced(table: Table) -> None:
    """Merge the files with the rows of no hour; see `Table.compact_unplaced`."""
    # Delta's partition filters know null as the empty text.
    chosen = [(name, "=", "") for name in HOUR_COLUMNS]

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.optimize.compact(partition_filters=chosen, commit_properties=properties)

    commit(table, action, metadata={"chimera.write": "optimize"})


def vacuum(table: Table, days: float, *, dry_run: bool, full: bool) -> list[str]:
    """Delete unused files; see `Table.vacuum`.

    A file that a running writer has not committed yet looks unused: with fewer days than the
    longest run takes, no writer may be at work.
    """
    if days < 0:
        msg = f"{table.uri}: vacuum: expected 0 or more days, found {days}"
        raise LakeError(msg)
    try:
        return table.delta().vacuum(
            retention_hours=round(timedelta(days=days) / timedelta(hours=1)),
            dry_run=dry_run,
            enforce_retention_duration=False,
            full=full,
        )
    except Exception as error:
        raise translated(error, table.uri) from error
