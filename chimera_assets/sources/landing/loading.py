"""Loading files: found whole, read, and committed in groups; each exactly once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera_assets.layers import LANDING
from chimera_assets.sources.landing.damage import Unfinished, Unreadable
from chimera_assets.sources.landing.file_log import Entry, FileLog
from chimera_assets.sources.landing.load_commit import commit_files
from chimera_assets.sources.landing.spooled_file import SpooledFile, Spooler
from chimera_assets.sources.landing.wholeness import ABANDONED, waiting
from chimera_assets.spool import spool_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.contracts import Contract
    from chimera_assets.run_context import RunContext
    from chimera_assets.sources.landing.place import LandingFile, Place

#: Files are committed together up to this size: a crash costs no more than that.
COMMIT_BYTES = 512 * 2**20

#: A run without a sensor looks twice itself, this long apart.
_SECOND_LOOK_SECONDS = 2.0


@dataclass(slots=True)
class Loaded:
    """What a run loaded of a stream.

    Attributes:
        entries: The entry of each file.
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


def load_files(
    context: RunContext, contract: Contract, place: Place, *, pause: float = _SECOND_LOOK_SECONDS
) -> Loaded:
    """Load every whole file of the stream that was not loaded before.

    Args:
        context: The run, with the lake where `landing/<stream>` is.
        contract: The stream's contract.
        place: Where the files are.
        pause: Seconds between two looks at files that were written lately.

    Raises:
        SourceError: The files cannot be listed or read.
        LakeError: The table cannot be written; the files of earlier commits stay loaded.
    """
    started = time.monotonic()
    table = context.lake.table(LANDING, contract.stream)
    loaded, spooler = Loaded(), Spooler(contract, place, context.now)
    new = _new(place, contract.stream, FileLog.read(table))
    if any(_may_be_growing(file, context.now) for file in new):
        time.sleep(pause)
    # The age of a file is one by the clock: it may be younger than the run.
    now = context.now + timedelta(seconds=time.monotonic() - started)
    files = _whole(place, new, loaded, now)
    for group in _grouped(files):
        with spool_folder("landing") as folder:
            read = _read(spooler, group, FileLog.read(table), folder, loaded.waits)
            done = commit_files(
                table, contract, read, entries=folder / "entries", run_id=context.run_id
            )
        if done is not None:
            loaded.entries += done.entries
            loaded.hours |= done.hours
            loaded.version = done.version
    loaded.unknown = spooler.unknown
    return loaded


def _new(place: Place, stream: str, file_log: FileLog) -> list[LandingFile]:
    return [file for file in place.files(stream) if file.format and not file_log.has_seen(file)]


def _may_be_growing(file: LandingFile, now: datetime) -> bool:
    """Whether a file was written so lately that it is looked at twice."""
    return not file.in_s3 and file.modified > now - ABANDONED


def _whole(
    place: Place, new: Sequence[LandingFile], loaded: Loaded, now: datetime
) -> list[LandingFile]:
    """The files to load; why others have to wait is noted."""
    whole: list[LandingFile] = []
    for file in new:
        again = place.again(file)
        reason = "is being written" if again != file else waiting(file, now)
        if reason is None:
            whole.append(file)
        elif again is not None:
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


def _read(
    spooler: Spooler,
    files: Sequence[LandingFile],
    file_log: FileLog,
    folder: Path,
    waits: dict[str, str],
) -> list[SpooledFile]:
    """The files that could be read; why others are left for later is noted in `waits`."""
    read: list[SpooledFile] = []
    for number, file in enumerate(files):
        into = folder / str(number)
        into.mkdir()
        try:
            read.append(spooler.read(file, file_log, into))
        except (Unfinished, Unreadable) as verdict:
            waits[file.uri] = str(verdict)
        except FileNotFoundError:
            waits[file.uri] = "is gone, or was written again"
    return read
