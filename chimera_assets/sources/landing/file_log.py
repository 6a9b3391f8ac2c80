"""The file log, which files were loaded: a row a file, committed with the file's rows.

These rows are of no hour, so that no reader of hours sees them and they lie together. They are
merged now and then; what a run reads stays one small file, however many hours the table has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chimera_assets.lake import Table
    from chimera_assets.sources.landing.place import LandingFile

#: The application id of the transactions by which loads of a stream follow one another.
SEQUENCE = "chimera.landing"

_MOMENT = pa.timestamp("us", tz="UTC")

#: The column of the file log's entries; null in every other row of the table.
LOADED = pa.field(
    "_taken",
    pa.struct(
        [
            pa.field("uri", pa.string()),
            pa.field("size", pa.int64()),
            pa.field("mark", pa.string()),
            pa.field("sha256", pa.string()),
            pa.field("modified", _MOMENT),
            pa.field("taken", _MOMENT),
            pa.field("state", pa.string()),
            pa.field("rows", pa.int64()),
            pa.field("malformed", pa.int64()),
            pa.field("why", pa.string()),
        ]
    ),
)

#: `taken`; `corrupt`: kept as one row that says why; `same`: known content, written once more;
#: `removed`: taken back, and known so that it is not loaded again.
State = Literal["taken", "corrupt", "same", "removed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was loaded, or found corrupt.

    Attributes:
        uri, size, mark, modified: See `LandingFile`.
        sha256: Of its bytes, as they lie there.
        taken: When it was loaded, UTC.
        state: How it was loaded.
        rows: Its rows, malformed lines included.
        malformed: Lines that are no rows.
        why: What is wrong with a corrupt file.
    """

    uri: str
    size: int
    mark: str
    sha256: str
    modified: datetime
    taken: datetime
    state: State
    rows: int
    malformed: int
    why: str | None

    def as_row(self) -> dict[str, Any]:
        """The entry as a value of `LOADED`."""
        return {name: getattr(self, name) for name in self.__slots__}


class FileLog:
    """The files loaded so far, at one version of the table.

    Attributes:
        entries: Every entry.
        sequence: How many loads were committed.
    """

    def __init__(self, entries: Iterable[Entry], sequence: int) -> None:
        self.entries = tuple(entries)
        self.sequence = sequence
        self._seen = {(entry.uri, entry.size, entry.mark) for entry in self.entries}
        self._sizes = {(entry.uri, entry.size) for entry in self.entries}
        self._contents = {(entry.uri, entry.size, entry.sha256) for entry in self.entries}

    @classmethod
    def read(cls, table: Table) -> Self:
        """The file log of a table, empty if there is none yet."""
        if not table.exists():
            return cls((), 0)
        # In this order: a load in between makes the sequence too low, and ours is refused.
        sequence = table.transaction_version(SEQUENCE) or 0
        rows = table.read_unplaced([LOADED.name])[LOADED.name]
        return cls((Entry(**row) for row in rows if row is not None), sequence)

    def has_seen(self, file: LandingFile | Entry) -> bool:
        """Whether the file, as it is listed, is known."""
        return (file.uri, file.size, file.mark) in self._seen

    def may_know(self, file: LandingFile) -> bool:
        """Whether a file of this name and size was loaded: only its content can say."""
        return (file.uri, file.size) in self._sizes

    def has_loaded(self, file: LandingFile | Entry, sha256: str) -> bool:
        """Whether this very content was loaded under this name."""
        return (file.uri, file.size, sha256) in self._contents
