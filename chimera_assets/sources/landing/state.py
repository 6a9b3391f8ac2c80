"""How far a stream's landing files are: loaded, waiting, corrupt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_START
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMNS
from chimera_assets.layers import LANDING, RAW
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing.file_log import FileLog

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.lake import Lake
    from chimera_assets.sources.landing.place import Place


@dataclass(frozen=True, slots=True)
class LandingState:
    """A stream's files, as its file log and its folder say.

    Attributes:
        stream: The stream.
        files_loaded: Files that were loaded or found corrupt; known content that was written once
            more is not counted.
        rows: Rows of them.
        malformed_lines: Lines of them that are no rows.
        corrupt_files: Those that could not be read.
        files_waiting: Files in the folder that are still to be loaded.
        files_of_other_kinds: Files there that never will be.
        no_files: What has a file's name there and is none, by path: what it is instead.
        in_no_hour: Rows of hours before CHIMERA_START, which are never run.
        last_loaded: When the last one was loaded, UTC; None if none was.
    """

    stream: str
    files_loaded: int
    rows: int
    malformed_lines: int
    corrupt_files: int
    files_waiting: int
    files_of_other_kinds: int
    no_files: dict[str, str]
    in_no_hour: int
    last_loaded: datetime | None


def rows_in_no_hour(lake: Lake, stream: str) -> int:
    """Landed rows of hours before CHIMERA_START that raw does not have, by the tables' logs.

    An older version landed such rows where their time says; or the start has been moved since.
    """
    table, raw = lake.table(LANDING, stream), lake.table(RAW, stream)
    if not table.exists():
        return 0
    early = pl.col(DAY_COLUMN) <= get_settings().start.date()
    rows = table.rows_by_hour().filter(early).filter(get_settings().start > HOUR_START)
    if raw.exists() and not rows.is_empty():
        rows = rows.join(raw.rows_by_hour(), on=HOUR_COLUMNS, how="anti")
    return int(rows["rows"].sum())


def landing_state(lake: Lake, place: Place, stream: str) -> LandingState:
    """The state of a stream's files in a landing place."""
    file_log = FileLog.read(lake.table(LANDING, stream))
    new = [file for file in place.files(stream) if not file_log.has_seen(file)]
    loaded = [entry for entry in file_log.entries if entry.state in {"taken", "corrupt"}]
    return LandingState(
        stream=stream,
        files_loaded=len(loaded),
        rows=sum(entry.rows for entry in loaded),
        malformed_lines=sum(entry.malformed for entry in loaded),
        corrupt_files=sum(entry.state == "corrupt" for entry in loaded),
        files_waiting=sum(file.format is not None for file in new),
        files_of_other_kinds=sum(file.format is None for file in new),
        no_files=place.no_files(stream),
        in_no_hour=rows_in_no_hour(lake, stream),
        last_loaded=max((entry.taken for entry in loaded), default=None),
    )
