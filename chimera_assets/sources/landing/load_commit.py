"""The commit of files that were read: their rows and, with them, their entries in the file log."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import ipc

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import Carried, CommitConflict, Replay
from chimera_assets.sources.landing.file_log import LOADED, SEQUENCE, Entry, FileLog
from chimera_assets.sources.landing.rows import landing_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deltalake import DeltaTable

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Table
    from chimera_assets.sources.landing.spooled_file import SpooledFile

#: The key, in a commit's metadata, of the JSON list of the hours that its rows are in.
LANDED_HOURS = "chimera.landed_hours"

#: The file log is merged when it has grown by so many loads.
_MERGE_EVERY = 32

#: How often a load is tried when another run loads files of the same stream.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class LoadCommit:
    """What a commit loaded.

    Attributes:
        entries: The files, without those that another run had loaded meanwhile.
        hours: The partition keys of the hours that rows came into.
        version: The version of the table that it made.
    """

    entries: tuple[Entry, ...]
    hours: frozenset[str]
    version: int


def commit_files(
    table: Table, contract: Contract, read: Sequence[SpooledFile], *, entries: Path, run_id: str
) -> LoadCommit | None:
    """Append what was read; None if other runs have loaded all of it meanwhile.

    Args:
        table: The table `landing/<stream>`.
        contract: The stream's contract.
        read: The files.
        entries: A file to be made, for what is committed of the files themselves.
        run_id: Kept with the commit.

    Raises:
        CommitConflict: Others kept loading files of the stream; nothing was written.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        file_log = FileLog.read(table)
        fresh = [one for one in read if _is_new(one.entry, file_log)]
        if not fresh:
            return None
        write_entries(entries, contract, [one.entry for one in fresh])
        spools = [one.spool for one in fresh if one.entry.state != "same"]
        hours = frozenset(chain.from_iterable(one.hours for one in fresh))
        with suppress(CommitConflict):
            done = table.append(
                Replay(landing_schema(contract), partial(spooled, [*spools, entries])),
                partition_by=HOUR_COLUMNS,
                metadata={"run": run_id, LANDED_HOURS: json.dumps(sorted(hours))},
                carry=partial(next_load, file_log.sequence),
            )
            if (file_log.sequence + 1) % _MERGE_EVERY == 0:
                table.compact_unplaced()
            return LoadCommit(tuple(one.entry for one in fresh), hours, done.version)
        time.sleep(0.05 * attempt)
    message = f"{table.uri}: others kept loading files of the same stream; nothing was written"
    raise CommitConflict(message)


def next_load(sequence: int, table: DeltaTable) -> Carried:
    """The next load's number, unless another run has come first."""
    if (table.transaction_version(SEQUENCE) or 0) != sequence:
        message = "another run has loaded files of the same stream meanwhile"
        raise CommitConflict(message)
    return Carried((SEQUENCE, sequence + 1), {})


def spooled(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """The batches that lie in files of Arrow streams, in their order."""
    for file in files:
        with file.open("rb") as opened:
            yield from ipc.open_stream(opened)


def _is_new(entry: Entry, file_log: FileLog) -> bool:
    """Whether a file is still to be loaded: another run may have been quicker."""
    if entry.state == "same":
        return not file_log.has_seen(entry)
    return not file_log.has_loaded(entry, entry.sha256)


def write_entries(file: Path, contract: Contract, entries: Sequence[Entry]) -> None:
    """Write entries of the file log as rows of no hour, into a file of an Arrow stream."""
    schema = landing_schema(contract)
    loaded = pa.array([entry.as_row() for entry in entries], LOADED.type)
    columns = [
        loaded if each.name == LOADED.name else pa.nulls(len(entries), each.type) for each in schema
    ]
    with file.open("wb") as opened, ipc.new_stream(opened, schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
