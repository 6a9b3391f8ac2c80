"""Reading a file into a temporary folder, whole or not at all, in bounded memory.

A file that turns out to be cut off leaves nothing behind. Once all of it is read, it is known which
hours it touches; and a commit that meets another can be made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished
from chimera_assets.sources.landing.file_log import LOADED, Entry, FileLog
from chimera_assets.sources.landing.formats import reader_of
from chimera_assets.sources.landing.rows import complete, corrupt_row, landing_schema
from chimera_assets.sources.landing.wholeness import may_be_finished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.file_log import State
    from chimera_assets.sources.landing.place import LandingFile, Place


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A file that was read to its end, or found corrupt.

    Attributes:
        entry: Its entry in the file log.
        spool: Its rows, an Arrow stream; there is none if its content was known already.
        hours: The partition keys of the hours they are in.
    """

    entry: Entry
    spool: Path
    hours: set[str]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What was spooled of a file, or why it is corrupt."""

    rows: int
    malformed: int
    hours: set[str]
    why: str | None = None


class Spooler:
    """Reads the files of one stream.

    Args:
        contract: The stream's contract.
        place: Where the files are.
        now: The present, kept as the time when the files were loaded.

    Attributes:
        unknown: The columns that were in files and not in the contract.
    """

    def __init__(self, contract: Contract, place: Place, now: datetime) -> None:
        self._contract, self._place, self._now = contract, place, now
        self.unknown: set[str] = set()

    def read(self, file: LandingFile, file_log: FileLog, folder: Path) -> SpooledFile:
        """Read a file into an empty folder.

        Raises:
            Unfinished: Its writer may not be done, or has written it again.
            FileNotFoundError: It is gone.
        """
        path = self._place.fetch(file, folder)
        sha256 = _hash(path)
        spool = folder / "rows.arrow"
        state: State = "taken"
        found = _Rows(0, 0, set())
        if file_log.may_know(file) and file_log.has_loaded(file, sha256):
            state = "same"
        else:
            found = self._rows(file, path, spool)
            if found.why is not None:
                state = "corrupt"
        if self._place.again(file) != file:
            message = "was written again while it was read"
            raise Unfinished(message)
        if path != Path(file.uri):
            path.unlink()
        entry = Entry(
            file.uri,
            file.size,
            file.mark,
            sha256,
            file.modified,
            self._now,
            state,
            found.rows,
            found.malformed,
            found.why,
        )
        return SpooledFile(entry, spool, found.hours)

    def _rows(self, file: LandingFile, path: Path, spool: Path) -> _Rows:
        """Spool the rows of a file, or the one row that stands for a corrupt one."""
        arrived = min(file.modified, self._now)
        try:
            return self._spooled(file, path, arrived, spool)
        except Unfinished as unfinished:
            if may_be_finished(file, self._now):
                raise
            why = str(unfinished)
        except CorruptFile as corrupt:
            why = str(corrupt)
        row = corrupt_row(self._contract, file.uri, arrived, why)
        return _Rows(1, 0, _write(spool, self._contract, [row]), why)

    def _spooled(self, file: LandingFile, path: Path, arrived: datetime, spool: Path) -> _Rows:
        reader = reader_of(file, self._contract, path, spool.parent)
        counts = [0, 0]

        def completed() -> Iterator[pl.DataFrame]:
            for parsed in reader:
                counts[0] += parsed.rows.height + len(parsed.malformed)
                counts[1] += len(parsed.malformed)
                yield complete(parsed, self._contract, file.uri, arrived)

        hours = _write(spool, self._contract, completed())
        self.unknown |= reader.unknown
        return _Rows(counts[0], counts[1], hours)


def _hash(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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
    return set(pl.concat(hours).unique().select(HOUR_KEY).to_series())
