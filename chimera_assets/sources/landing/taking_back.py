"""What landed of a file taken back: its rows go, and those of a new reading come in their place.

Both are one commit, which names every hour that had or gets a row, so that these are pending.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS, parse_key, partition_values
from chimera_assets.lake import Replay
from chimera_assets.lake.replacement import replace_rows
from chimera_assets.layers import LANDING
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing.damage import Unfinished, Unreadable
from chimera_assets.sources.landing.file_log import LOADED, FileLog
from chimera_assets.sources.landing.load_commit import (
    LANDED_HOURS,
    next_load,
    spooled,
    write_entries,
)
from chimera_assets.sources.landing.rows import ORIGIN, landing_schema
from chimera_assets.sources.landing.spooled_file import Spooler
from chimera_assets.spool import spool_folder

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Table
    from chimera_assets.run_context import RunContext
    from chimera_assets.sources.landing.file_log import Entry
    from chimera_assets.sources.landing.place import Place
    from chimera_assets.sources.landing.spooled_file import SpooledFile


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of a file.

    Attributes:
        rows: Its rows that went.
        entry: Its new reading; None if it was taken back for good.
        hours: The partition keys of the hours that rows went from or came into.
        version: The version of the table that it made.
    """

    rows: int
    entry: Entry | None
    hours: frozenset[str]
    version: int


def rows_of_file(table: Table, uri: str) -> pl.LazyFrame:
    """The rows that landed of a file, whatever its content was then."""
    return table.read().filter(pl.col(ORIGIN[0].name) == uri)


def take_back(
    context: RunContext, contract: Contract, uri: str, *, place: Place | None
) -> TakenBack:
    """Take back all rows of a file.

    Args:
        context: The run.
        contract: The stream's contract.
        uri: The file, as the file log calls it.
        place: Where it still lies and is to be read again; None if it is taken back for good. Then
            it stays known, so that it is not loaded again while it lies there.

    Raises:
        SourceError: It does not lie there any more, or cannot be read.
        CommitConflict: Files of the stream were loaded meanwhile; nothing was changed.
    """
    table = context.lake.table(LANDING, contract.stream)
    file_log = FileLog.read(table)
    gone = rows_of_file(table, uri).group_by(HOUR_COLUMNS).len().collect(engine="streaming")
    with spool_folder("landing") as folder:
        read = _read_again(context, contract, uri, place, folder) if place is not None else None
        entries = [_removed(entry) for entry in file_log.entries if entry.uri == uri]
        if read is not None:
            entries = [one for one in entries if one.sha256 != read.entry.sha256] + [read.entry]
        write_entries(folder / "entries", contract, entries)
        spools = [read.spool] if read is not None else []
        keys = set(gone.select(HOUR_KEY).to_series()) | (read.hours if read is not None else set())
        done = replace_rows(
            table,
            {partition_values(parse_key(key)) for key in keys},
            _is_of_others(uri),
            Replay(landing_schema(contract), partial(spooled, [*spools, folder / "entries"])),
            metadata={"run": context.run_id, LANDED_HOURS: json.dumps(sorted(keys))},
            carry=partial(next_load, file_log.sequence),
        )
    new = read.entry if read is not None else None
    return TakenBack(int(gone["len"].sum()), new, frozenset(keys), done.version)


def _read_again(
    context: RunContext, contract: Contract, uri: str, place: Place, folder: Path
) -> SpooledFile:
    file = next((one for one in place.files(contract.stream) if one.uri == uri), None)
    remedy = "put it back, or take its rows back for good with `chimera landing remove`"
    if file is None:
        raise SourceError(uri, "does not lie there any more", remedy=remedy)
    try:
        return Spooler(contract, place, context.now).read(file, FileLog((), 0), folder)
    except (Unfinished, Unreadable, FileNotFoundError) as error:
        raise SourceError(uri, str(error), remedy=remedy) from None


def _removed(entry: Entry) -> Entry:
    return replace(entry, state="removed", rows=0, malformed=0)


def _is_of_others(uri: str) -> pl.Expr:
    of_entry = pl.col(LOADED.name).struct.field("uri")
    return pl.col(ORIGIN[0].name).ne_missing(uri) & of_entry.ne_missing(uri)
