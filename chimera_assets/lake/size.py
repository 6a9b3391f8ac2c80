"""The size of a table: by its log alone, and in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.lake.data_files import files
from chimera_assets.lake.storage import LOG_FOLDER, stored_files

if TYPE_CHECKING:
    from chimera_assets.lake.snapshot import TableState


@dataclass(frozen=True, slots=True)
class TableStats:
    """A table's size, from its log alone.

    Attributes:
        rows: Rows of the current version.
        bytes: Bytes of its data files.
        files: Number of its data files.
        version: The version itself.
    """

    rows: int
    bytes: int
    files: int
    version: int


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a table: the data files of its newest version, and everything in its place.

    Attributes:
        files: Data files of the newest version.
        bytes: Their bytes.
        stored_files: All data files in the table's place, those of older versions included.
        stored_bytes: Their bytes.
        log_files: Files of the log.
        log_bytes: Their bytes.
    """

    files: int
    bytes: int
    stored_files: int
    stored_bytes: int
    log_files: int
    log_bytes: int


def stats(table: TableState) -> TableStats:
    """Rows, bytes, files and version; see `Table.stats`."""
    delta = table.delta()
    listed = files(table, delta, None)
    rows, size = int(listed["rows"].sum()), int(listed["bytes"].sum())
    return TableStats(rows, size, listed.height, delta.version())


def size(table: TableState) -> Size:
    """The size of the table; one look at the log, one listing of its place."""
    live = files(table, table.delta(), None)
    stored = stored_files(table.uri, table.storage_options)
    log = [n for path, n in stored.items() if path.startswith(f"{LOG_FOLDER}/")]
    data = [n for path, n in stored.items() if path.endswith(".parquet") and path[0] != "_"]
    return Size(live.height, int(live["bytes"].sum()), len(data), sum(data), len(log), sum(log))
