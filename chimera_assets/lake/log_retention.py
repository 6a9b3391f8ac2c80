"""A table's log, kept as long as its past is to be read, with a checkpoint when one is due."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from chimera_assets.lake.commit import commit
from chimera_assets.lake.errors import translated
from chimera_assets.lake.storage import LOG_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.snapshot import TableState

#: Entries of the log after which a reader is spared reading them one by one.
_TAIL = 20

#: The log is kept for so long at least, so that `history` shows a month.
_LOG_DAYS = 30

#: A file of the log that belongs to a version: its entry, or a checkpoint.
OF_VERSION = re.compile(r"(\d{20})\.(json|checkpoint.*)")


@dataclass(frozen=True, slots=True)
class LogNeeds:
    """What of a table's log is not as it is to be.

    Attributes:
        properties: The table's properties that are to change.
        checkpoint: Whether a checkpoint is due.
        expired: How many files of the log are past their time.
    """

    properties: Mapping[str, str]
    checkpoint: bool
    expired: int

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.properties or self.checkpoint or self.expired)


def log_needs(table: TableState, vacuum_days: float) -> LogNeeds:
    """What `set_log_retention` would change."""
    wanted = _properties(vacuum_days)
    found = table.delta().metadata().configuration
    changed = {name: value for name, value in wanted.items() if found.get(name) != value}
    newest = table.version()
    due = newest - _last_checkpoint(table) >= _TAIL
    return LogNeeds(changed, due, _expired(table, vacuum_days, newest if due else None))


def set_log_retention(table: TableState, vacuum_days: float) -> None:
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
    wanted = _properties(days)
    if wanted.items() <= table.delta().metadata().configuration.items():
        return

    def action(delta: DeltaTable, properties: CommitProperties) -> None:
        delta.alter.set_table_properties(wanted, commit_properties=properties)

    commit(table, action, metadata={"chimera.write": "retention of files and log"})


def _properties(days: float) -> dict[str, str]:
    return {
        "delta.deletedFileRetentionDuration": f"interval {math.ceil(days)} days",
        "delta.logRetentionDuration": f"interval {_log_days(days)} days",
    }


def _log_days(days: float) -> int:
    return max(_LOG_DAYS, math.ceil(days))


def _expired(table: TableState, days: float, next_checkpoint: int | None) -> int:
    """How many files of the log deltalake's cleanup would delete, by its rule and its clock.

    Those past their time go that are older than the newest checkpoint from which every version
    within its time can still be read.
    """
    storage = DeltaStorageHandler(table.uri, table.storage_options)
    listed = storage.get_file_info_selector(FileSelector(LOG_FOLDER))
    since = datetime.now(UTC) - timedelta(days=_log_days(days))
    files = [
        (int(named[1]), named[2] != "json", info.mtime < since)
        for info in listed
        if (named := OF_VERSION.fullmatch(info.base_name))
    ]
    if next_checkpoint is not None:
        files.append((next_checkpoint, True, False))
    within = min((version for version, _, is_old in files if not is_old), default=math.inf)
    safe = [version for version, is_checkpoint, _ in files if is_checkpoint and version <= within]
    return sum(is_old and version < max(safe, default=0) for version, _, is_old in files)


def _last_checkpoint(table: TableState) -> int:
    """The version of the newest checkpoint, -1 if there is none."""
    storage = DeltaStorageHandler(table.uri, table.storage_options)
    try:
        with storage.open_input_file(f"{LOG_FOLDER}/_last_checkpoint") as entry:
            return int(json.loads(entry.read())["version"])
    except FileNotFoundError:
        return -1
