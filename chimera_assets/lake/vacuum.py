"""Files that no version within a table's time needs, deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from deltalake import CommitProperties

from chimera_assets.lake.errors import LakeError, translated
from chimera_assets.lake.storage import stored_files

if TYPE_CHECKING:
    from chimera_assets.lake.snapshot import TableState


def vacuum(table: TableState, days: float, *, dry_run: bool, full: bool) -> list[str]:
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
            # deltalake commits that it begins, and that it is done.
            commit_properties=CommitProperties({**table.provenance, "chimera.write": "vacuum"}),
        )
    except Exception as error:
        raise translated(error, table.uri) from error


def safe_vacuum(table: TableState, days: float, *, dry_run: bool = False) -> tuple[int, int]:
    """Delete what no version of the last days needs, what killed writers left behind included.

    At least a day is kept: a writer's files belong to no version until it commits them.

    Returns:
        How many files were deleted, and their bytes.
    """
    stored = stored_files(table.uri, table.storage_options)
    deleted = vacuum(table, max(days, 1), full=True, dry_run=dry_run)
    paths = [path.removeprefix(f"{table.uri}/") for path in deleted]
    return len(paths), sum(stored.get(path, 0) for path in paths)
