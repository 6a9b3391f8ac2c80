"""Taking files: read, put by, and appended to the table in one commit with what tells the files.

Nothing is written before a file was read to its end: a file that turns out to be cut off leaves
nothing behind. What was read waits in a temporary folder, in bounded memory, so that the commit
can say which hours it touches, and can be made again when two runs meet.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from chimera_assets.hours import HOUR_COLUMNS, PARTITION_KEY_FORMAT
from chimera_assets.lake import Carried, CommitConflict, Replay
from chimera_assets.layers import LANDING
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.file_log import LOADED, SEQUENCE, Entry, FileLog
from chimera_assets.sources.landing.formats import reader_of
from chimera_assets.sources.landing.rows import (
    complete,
    corrupt_row,
    landing_schema,
)
from chimera_assets.sources.landing.wholeness import ABANDONED, may_be_finished, waiting
from chimera_assets.spool import spool_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deltalake import DeltaTable

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.sources.landing.file_log import State
    from chimera_assets.sources.landing.place import LandingFile, Place

#: The key, in a commit's metadata, of the JSON list of the hours that its rows are in.
LANDED_HOURS = "chimera.landed_hours"

#: Files are committed together up to this size: a crash costs no more than that.
COMMIT_BYTES = 512 * 2**20

#: A run without a sensor looks twice itself, this long apart.
_SECOND_LOOK_SECONDS = 2.0

#: The ledger is merged when it has grown by so many takings.
_MERGE_EVERY = 32

#: How often a taking is tried when another run takes files of the same stream.
_ATTEMPTS = 20

_HASHED_BYTES = 2**20


@dataclass(slots=True)
class Loaded:
    """What a run took of a stream.

    Attributes:
        entries: What became of each file.
        hours: The partition keys of the hours that rows came into.
        waits: Files left for later, with the reason.
        unknown: Columns that were in files and not in the contract.
        version: The table's version of the last commit; None if nothing was committed.
    """

    entries: list[Entry] = field(default_factory=list)
    hours: set[str] = field(default_factory=set)
    waits: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    version: int | None = None

    @property
    def rows(self) -> int:
        """All rows, those that stand for malformed lines and corrupt files included."""
        return sum(entry.rows for entry in self.entries)


@dataclass(slots=True)
class _Read:
    """A file that was read to its end, or found corrupt, and put by."""

    entry: Entry
    spool: Path
    hours: set[str]


def load_files(
    lake: Lake,
    contract: Contract,
    place: Place,
    *,
    run_id: str,
    pause: float = _SECOND_LOOK_SECONDS,
) -> Loaded:
    """Take every whole file of the stream that was not taken before.

    Args:
        lake: Where `landing/<stream>` is.
        contract: The stream's contract.
        place: Where the files are.
        run_id: Kept with the commits.
        pause: Seconds between two looks at files that were written lately.

    Raises:
        SourceError: The files cannot be listed or read.
        LakeError: The table cannot be written; the files of earlier commits stay taken.
    """
    table = lake.table(LANDING, contract.stream)
    loaded = Loaded()
    files = _whole(place, contract.stream, FileLog.read(table), loaded, pause)
    for group in _grouped(files):
        with spool_folder("landing") as folder:
            _take_group(table, contract, place, group, loaded, folder, run_id)
    return loaded


def _whole(
    place: Place, stream: str, file_log: FileLog, loaded: Loaded, pause: float
) -> list[LandingFile]:
    """The files to take; why others have to wait is noted."""
    new = [file for file in place.files(stream) if file.format and not file_log.has_seen(file)]
    lately = datetime.now(UTC) - ABANDONED
    if any(not file.in_s3 and file.modified > lately for file in new):
        time.sleep(pause)
    whole: list[LandingFile] = []
    for file in new:
        now = place.again(file)
        reason = "is being written" if now != file else waiting(file, datetime.now(UTC))
        if reason is None:
            whole.append(file)
        elif now is not None:
            loaded.waits[file.uri] = reason
    return whole


def _grouped(files: Iterable[LandingFile]) -> Iterator[list[LandingFile]]:
    group: list[LandingFile] = []
    for file in files:
        if group and sum(one.size for one in group) + file.size > COMMIT_BYTES:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _take_group(  # noqa: PLR0913, PLR0917
    table: Table,
    contract: Contract,
    place: Place,
    files: Sequence[LandingFile],
    loaded: Loaded,
    folder: Path,
    run_id: str,
) -> None:
    read: list[_Read] = []
    file_log = FileLog.read(table)
    for number, file in enumerate(files):
        into = folder / str(number)
        into.mkdir()
        try:
            one = _read_file(contract, place, file, file_log, into, loaded.unknown)
        except Unfinished as unfinished:
            loaded.waits[file.uri] = str(unfinished)
            continue
        except FileNotFoundError:
            loaded.waits[file.uri] = "is gone, or was written again"
            continue
        read.append(one)
    _commit(table, contract, read, loaded, folder / "entries", run_id)


def _read_file(  # noqa: PLR0913, PLR0917
    contract: Contract,
    place: Place,
    file: LandingFile,
    file_log: FileLog,
    folder: Path,
    unknown: set[str],
) -> _Read:
    """Read a file and put its rows by.

    Raises:
        Unfinished: Its writer may not be done.
        FileNotFoundError: It is gone.
    """
    now = datetime.now(UTC)
    path = place.fetch(file, folder)
    sha256 = _hash(path)
    arrived = min(file.modified, now)
    spool = folder / "rows.arrow"
    state: State = "taken"
    rows = malformed = 0
    hours: set[str] = set()
    why = None
    if file_log.may_know(file) and file_log.has_loaded(file, sha256):
        state = "same"
    else:
        try:
            rows, malformed, hours = _spool(contract, file, path, arrived, spool, unknown)
        except Unfinished as unfinished:
            if may_be_finished(file, now):
                raise
            why = str(unfinished)
        except CorruptFile as found:
            why = str(found)
        if why is not None:
            state, rows, malformed = "corrupt", 1, 0
            row = corrupt_row(contract, file.uri, arrived, why)
            hours = _write(spool, contract, [row])
    if place.again(file) != file:
        message = "was written again while it was read"
        raise Unfinished(message)
    if path != Path(file.uri):
        path.unlink()
    entry = Entry(
        file.uri, file.size, file.mark, sha256, file.modified, now, state, rows, malformed, why
    )
    return _Read(entry, spool, hours)


def _hash(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _spool(  # noqa: PLR0913, PLR0917
    contract: Contract,
    file: LandingFile,
    path: Path,
    arrived: datetime,
    spool: Path,
    unknown: set[str],
) -> tuple[int, int, set[str]]:
    """Write the rows of a file; gives how many, how many of them malformed, and their hours."""
    reader = reader_of(file, contract, path, spool.parent)
    counts = [0, 0]

    def completed() -> Iterator[pl.DataFrame]:
        for parsed in reader:
            counts[0] += parsed.rows.height + len(parsed.malformed)
            counts[1] += len(parsed.malformed)
            yield complete(parsed, contract, file.uri, arrived)

    hours = _write(spool, contract, completed())
    unknown |= reader.unknown
    return counts[0], counts[1], hours


def _write(spool: Path, contract: Contract, frames: Iterable[pl.DataFrame]) -> set[str]:
    """Write frames into a file of an Arrow stream; gives the keys of the hours they are in."""
    schema = landing_schema(contract)
    rows_schema = pa.schema([each for each in schema if each.name != LOADED.name])
    options = ipc.IpcWriteOptions(compression="lz4")
    hours: list[pl.DataFrame] = []
    with spool.open("wb") as opened, ipc.new_stream(opened, schema, options=options) as stream:
        for frame in frames:
            hours.append(frame.select(HOUR_COLUMNS).unique())
            table = frame.to_arrow().select(rows_schema.names).cast(rows_schema)
            nothing = pa.nulls(table.num_rows, LOADED.type)
            stream.write_table(table.append_column(LOADED, nothing))
    return _keys(hours)


def _keys(hours: Sequence[pl.DataFrame]) -> set[str]:
    if not hours:
        return set()
    moments = pl.col(HOUR_COLUMNS[0]).cast(pl.Datetime) + pl.duration(hours=HOUR_COLUMNS[1])
    told = pl.concat(hours).unique().select(moments.dt.strftime(PARTITION_KEY_FORMAT))
    return set(told.to_series())


def _commit(  # noqa: PLR0913, PLR0917
    table: Table,
    contract: Contract,
    read: Sequence[_Read],
    loaded: Loaded,
    entries: Path,
    run_id: str,
) -> None:
    """Append what was read; files that another run has taken meanwhile are left out."""
    for attempt in range(1, _ATTEMPTS + 1):
        file_log = FileLog.read(table)
        fresh = [one for one in read if _is_new(one.entry, file_log)]
        if not fresh:
            return
        _write_entries(entries, contract, [one.entry for one in fresh])
        spools = [one.spool for one in fresh if one.entry.state != "same"]
        hours = set(chain.from_iterable(one.hours for one in fresh))
        with suppress(CommitConflict):
            done = table.append(
                Replay(landing_schema(contract), partial(_spooled, [*spools, entries])),
                partition_by=HOUR_COLUMNS,
                metadata={"run": run_id, LANDED_HOURS: json.dumps(sorted(hours))},
                carry=partial(_next, file_log.sequence),
            )
            loaded.entries += [one.entry for one in fresh]
            loaded.hours |= hours
            loaded.version = done.version
            if (file_log.sequence + 1) % _MERGE_EVERY == 0:
                table.compact_unplaced()
            return
        time.sleep(0.05 * attempt)
    message = f"{table.uri}: others kept taking files of the same stream; nothing was written"
    raise CommitConflict(message)


def _next(sequence: int, table: DeltaTable) -> Carried:
    """The next taking's number, unless another run has come first."""
    if (table.transaction_version(SEQUENCE) or 0) != sequence:
        message = "another run has taken files of the same stream meanwhile"
        raise CommitConflict(message)
    return Carried((SEQUENCE, sequence + 1), {})


def _spooled(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """The batches that lie in files of Arrow streams, in their order."""
    for file in files:
        with file.open("rb") as opened:
            yield from ipc.open_stream(opened)


def _is_new(entry: Entry, file_log: FileLog) -> bool:
    """Whether a file is still to be taken: another run may have been quicker."""
    if entry.state == "same":
        return not file_log.has_seen(entry)
    return not file_log.has_loaded(entry, entry.sha256)


def _write_entries(file: Path, contract: Contract, entries: Sequence[Entry]) -> None:
    schema = landing_schema(contract)
    taken = pa.array([entry.as_row() for entry in entries], LOADED.type)
    columns = [
        taken if each.name == LOADED.name else pa.nulls(len(entries), each.type) for each in schema
    ]
    with file.open("wb") as opened, ipc.new_stream(opened, schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
