"""A table's log, kept as long as its past is to be read, with a checkpoint when one is due."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from deltalake.fs import DeltaStorageHandler

from chimera_assets.lake.commit import commit
from chimera_assets.lake.errors import translated
from chimera_assets.lake.storage import LOG_FOLDER

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.snapshot import TableState

#: Entries of the log after which a reader is spared reading them one by one.
_TAIL = 20

#: The log is kept for so long at least, so that `history` shows a month.
_LOG_DAYS = 30


def settle_log(table: TableState, vacuum_days: float) -> None:
    """Let the table keep its past as long as it is to, a checkpoint if one is due, and no more.

    A file that vacuum is to keep for longer than the table's own setting says would be forgotten
    by the next checkpoint, so the setting follows.
    """
    _keep_for(table, vacuum_days)
    delta = table.fresh()
    try:
        if delta.version() - _last_checkpoint(table) >= _TAIL:
            delta.create_checkpoint()
        delta.cleanup_metadata()
    except Exception as error:
        raise translated(error, table.uri) from error


def _keep_for(table: TableState, days: float) -> None:
    wanted = {
        "delta.deletedFileRetentionDuration": f"interval {math.ceil(days)} days",
        "delta.logRetentionDuration": f"interval {max(_LOG_DAYS, math.ceil(days))} days",
    }
    if wanted.items() <= table.delta().metadata().configuration.items():
        return

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.alter.set_table_properties(wanted, commit_properties=properties)

    commit(table, action, metadata={"chimera.write": "retention of files and log"})


def _last_checkpoint(table: TableState) -> int:
    """The version of the newest checkpoint, -1 if there is none."""
    storage = DeltaStorageHandler(table.uri, table.storage_options)
    try:
        with storage.open_input_file(f"{LOG_FOLDER}/_last_checkpoint") as entry:
            return int(json.loads(entry.read())["version"])
    except FileNotFoundError:
        return -1
