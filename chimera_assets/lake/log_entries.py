"""One entry of a table's log, read by itself: what one commit did and says of itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from deltalake.fs import DeltaStorageHandler

from chimera_assets.lake.storage import LOG_FOLDER, stored_files
from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from chimera_assets.lake.location import TableLocation

_ENTRY = re.compile(r"(\d{20})\.json")


def read_entry(table: TableLocation, version: int) -> bytes:
    """The log's entry of one commit, as it is stored.

    Raises:
        FileNotFoundError: There is none: the log does not reach so far, or not so far back.
    """

    def content() -> bytes:
        storage = DeltaStorageHandler(table.uri, table.storage_options)
        with storage.open_input_file(f"{LOG_FOLDER}/{version:020}.json") as entry:
            read: bytes = entry.read()
            return read

    return with_retries(content, table.uri)


def actions_of(entry: bytes) -> list[dict[str, Any]]:
    """The actions that an entry of a log lists.

    Raises:
        ValueError: It is no such entry.
    """
    return [json.loads(line) for line in entry.splitlines() if line.strip()]


def read_actions(table: TableLocation, version: int) -> list[dict[str, Any]]:
    """The actions of one commit, from its entry in the log.

    Raises:
        FileNotFoundError: The log does not reach so far back.
    """
    return actions_of(read_entry(table, version))


def commit_info(table: TableLocation, version: int) -> dict[str, Any]:
    """What one commit says of itself, its metadata included.

    Raises:
        FileNotFoundError: The log does not reach so far back.
    """
    actions = read_actions(table, version)
    return next((action["commitInfo"] for action in actions if "commitInfo" in action), {})


def stored_versions(table: TableLocation) -> list[int]:
    """The versions whose entries are still in the log, oldest first."""
    listed = stored_files(f"{table.uri}/{LOG_FOLDER}", table.storage_options)
    return sorted(int(found[1]) for path in listed if (found := _ENTRY.fullmatch(path)))
