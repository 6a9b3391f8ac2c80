"""One entry of a table's log, read by itself: what one commit did and says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deltalake.fs import DeltaStorageHandler

from chimera_assets.lake.storage_retry import with_retries

if TYPE_CHECKING:
    from chimera_assets.lake.location import TableLocation


def read_actions(table: TableLocation, version: int) -> list[dict[str, Any]]:
    """The actions of one commit, from its entry in the log.

    Raises:
        FileNotFoundError: The log does not reach so far back.
    """

    def content() -> bytes:
        storage = DeltaStorageHandler(table.uri, table.storage_options)
        with storage.open_input_file(f"_delta_log/{version:020}.json") as entry:
            read: bytes = entry.read()
            return read

    lines = with_retries(content, table.uri).splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def commit_info(table: TableLocation, version: int) -> dict[str, Any]:
    """What one commit says of itself, its metadata included.

    Raises:
        FileNotFoundError: The log does not reach so far back.
    """
    actions = read_actions(table, version)
    return next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
