"""Reading a file into a temporary folder, whole or not at all, in bounded memory.

A file that turns out to be cut off leaves nothing behind. Once all of it is read, it is known which
hours it touches; and a commit that meets another can be made again.
"""

from __future__ import annotations

import errno
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from chimera_assets.hour_columns import HOUR_KEY
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished, Unreadable
from chimera_assets.sources.landing.file_log import LOADED, Entry, FileLog
from chimera_assets.sources.landing.formats import reader_of
from chimera_assets.sources.landing.limits import MALFORMED_LINES, Limits, Widths
from chimera_assets.sources.landing.rows import (
    Takeable,
    complete,
    corrupt_row,
    landing_schema,
    more_malformed_row,
)
from chimera_assets.sources.landing.wholeness import may_be_finished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.sources.landing.file_log import State
    from chimera_assets.sources.landing.place import LandingFile, Place


#: No file is to blame for these: the next one would meet them, too.
_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


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
        self._takeable, self._limits = Takeable.at(now), Limits.of_settings()
        self.unknown: set[str] = set()

    def read(self, file: LandingFile, file_log: FileLog, folder: Path) -> SpooledFile:
        """Read a file into an empty folder.

        Raises:
            Unfinished: Its writer may not be done, or has written it again.
            FileNotFoundError: It is gone.
            Unreadable: Its bytes cannot be had.
        """
        path = self._place.fetch(file, folder)
        with _of_the_file():
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
        if file.in_s3:
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
        arrived = self._takeable.arrival(file.modified, self._now)
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
        reader = reader_of(file, self._contract, path, spool.parent, self._limits)
        counts = [0, 0]

        def completed() -> Iterator[pl.DataFrame]:
            for parsed in reader:
                room = max(0, MALFORMED_LINES - counts[1])
                counts[1] += len(parsed.malformed)
                del parsed.malformed[room:]
                yield complete(parsed, self._contract, file.uri, arrived, self._takeable)
            if (more := counts[1] - MALFORMED_LINES) > 0:
                yield more_malformed_row(self._contract, file.uri, arrived, more)

        def counted() -> Iterator[pl.DataFrame]:
            widths = Widths()
            for frame in _guarded(completed()):
                counts[0] += frame.height
                widths.add(frame.height, int(frame.estimated_size()))
                yield frame

        hours = _write(spool, self._contract, counted())
        self.unknown |= reader.unknown
        return _Rows(counts[0], counts[1], hours)


def _guarded(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames of a file; whatever goes wrong while they are read is the file's."""
    while True:
        with _of_the_file():
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


@contextmanager
def _of_the_file() -> Iterator[None]:
    """Within it, any error is a verdict on the file, but for those of the machine.

    Raises:
        CorruptFile: Its bytes are not what a reader expects; what it says may quote them.
        Unreadable: Its bytes cannot be had.
    """
    try:
        yield
    except (CorruptFile, Unfinished, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            raise
        message = f"cannot be read ({error.strerror or type(error).__name__})"
        raise Unreadable(message) from None
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - of any reader
        message = f"it cannot be read: its reader ended with {type(error).__name__}"
        raise CorruptFile(message) from None


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
