"""How far back a table's versions can still be read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chimera_assets.lake.log_entries import read_actions
from chimera_assets.lake.log_retention import OF_VERSION
from chimera_assets.lake.storage import LOG_FOLDER, stored_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from chimera_assets.lake.snapshot import TableState

#: Entries of the log read at once: a bucket answers each after a while.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Reach:
    """The oldest version from which on every one can be read.

    Attributes:
        version: Its number.
        since: When it was committed; None if neither its entry nor any later one is left.
    """

    version: int
    since: datetime | None


def reach(table: TableState) -> Reach:
    """How far back a table can be read, by its log and the files that are there.

    One listing of the table's place, and the entries of the log back to the first that removed a
    file which is gone: its time is bounded by what the log keeps, not by the table's age.

    Raises:
        TableNotFound: There is no such table.
        LakeError: Its log or its place cannot be read.
    """
    newest = table.version()
    stored = stored_files(table.uri, table.storage_options)
    oldest = _oldest_in_log(stored, newest)
    reached = Reach(newest, None)
    for version, actions in _entries(table, newest, oldest):
        if actions is None:  # only a checkpoint is left of the oldest, or it was just cleaned up
            return Reach(oldest, reached.since) if version == oldest else reached
        reached = Reach(version, _committed(actions) or reached.since)
        if not _removed(actions) <= stored.keys():
            break
    return reached


def _entries(
    table: TableState, newest: int, oldest: int
) -> Iterator[tuple[int, list[dict[str, Any]] | None]]:
    """The log's entries to that of the oldest version, newest first; None for one not there."""
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        for first in range(newest, oldest - 1, -_AT_ONCE):
            versions = range(first, max(first - _AT_ONCE, oldest - 1), -1)
            yield from zip(versions, readers.map(partial(_entry, table), versions), strict=True)


def _entry(table: TableState, version: int) -> list[dict[str, Any]] | None:
    try:
        return read_actions(table, version)
    except FileNotFoundError:
        return None


def _committed(actions: Iterable[dict[str, Any]]) -> datetime | None:
    said = (action["commitInfo"].get("timestamp") for action in actions if "commitInfo" in action)
    written = next(said, None)
    return datetime.fromtimestamp(written / 1000, UTC) if written is not None else None


def _removed(actions: Iterable[dict[str, Any]]) -> set[str]:
    """The files that the version before had, by their paths below the table's place."""
    return {unquote(action["remove"]["path"]) for action in actions if "remove" in action}


def _oldest_in_log(stored: Collection[str], newest: int) -> int:
    """The oldest version that the log can tell of: all entries since a checkpoint, or since 0."""
    named = [OF_VERSION.fullmatch(path.removeprefix(f"{LOG_FOLDER}/")) for path in stored]
    found = [(int(one[1]), one[2] == "json") for one in named if one is not None]
    entries = {version for version, is_entry in found if is_entry}
    first = newest
    while first in entries:
        first -= 1
    checkpoints = [version for version, is_entry in found if not is_entry and version >= first]
    return 0 if first < 0 else min(checkpoints, default=newest)
