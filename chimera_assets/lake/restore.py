"""A table made again what it was, as a new version."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from chimera_assets.lake.commit import commit
from chimera_assets.lake.errors import LakeError

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.commit import Commit
    from chimera_assets.lake.snapshot import TableState


def restore(table: TableState, target: int | datetime) -> Commit:
    """Make the table again what it was; see `Table.restore`."""
    past = table.delta(as_of=target) if isinstance(target, datetime) else table.delta(target)
    wanted = past.version()
    if wanted == table.version():
        msg = f"{table.uri}: it is at version {wanted} already; there is nothing to restore"
        raise LakeError(msg)
    metadata = {"chimera.write": "restore", "chimera.restored": str(wanted)}

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

    return commit(table, go_back, metadata=metadata)
