"""How much one file may be: beyond it the file is corrupt, and says which limit that was."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Self

from chimera_assets.settings import get_settings
from chimera_assets.sources.landing.damage import CorruptFile

#: A file with more columns is no table that anybody wrote on purpose.
COLUMNS = 10_000

#: A file's malformed lines are kept one by one up to this number, the rest as one row.
MALFORMED_LINES = 10_000


#: The lake's writer joins so many rows, whose texts it cannot join if they are more than 2 GiB.
_JOINED_ROWS, _JOINED_BYTES = 8_192, 2**30


class Widths:
    """How wide the rows of a file are, watched while it is read."""

    def __init__(self) -> None:
        self._last: deque[tuple[int, int]] = deque()
        self._rows = self._bytes = 0

    def add(self, rows: int, size: int) -> None:
        """Count some rows and their bytes.

        Raises:
            CorruptFile: Together with those before they are more than can be written.
        """
        self._last.append((rows, size))
        self._rows, self._bytes = self._rows + rows, self._bytes + size
        while self._last and self._rows - self._last[0][0] >= _JOINED_ROWS:
            before, its_bytes = self._last.popleft()
            self._rows, self._bytes = self._rows - before, self._bytes - its_bytes
        if self._bytes > _JOINED_BYTES:
            message = (
                f"{_JOINED_ROWS:,} of its rows hold more than {_JOINED_BYTES // 2**20:,} MiB; "
                "leave out such long values, or keep them elsewhere"
            )
            raise CorruptFile(message)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be at most.

    Attributes:
        rows: Its rows; in text files its lines, blank ones too.
        unpacked_bytes: What it unpacks to, by gzip or by Parquet's own compression.
    """

    rows: int
    unpacked_bytes: int

    @classmethod
    def of_settings(cls) -> Self:
        """The limits that the settings say."""
        settings = get_settings()
        return cls(settings.landing_max_rows, settings.landing_max_unpacked_mib * 2**20)

    def check_rows(self, rows: int) -> None:
        """Refuse a file with more rows.

        Raises:
            CorruptFile: It has more.
        """
        if rows > self.rows:
            message = f"it has more than {self.rows:,} rows; see CHIMERA_LANDING_MAX_ROWS"
            raise CorruptFile(message)

    def check_bytes(self, size: int) -> None:
        """Refuse a file that unpacks to more.

        Raises:
            CorruptFile: It does.
        """
        if size > self.unpacked_bytes:
            message = (
                f"it unpacks to more than {self.unpacked_bytes // 2**20:,} MiB; "
                "see CHIMERA_LANDING_MAX_UNPACKED_MIB"
            )
            raise CorruptFile(message)


def check_columns(columns: int) -> None:
    """Refuse a file with more columns than `COLUMNS`.

    Raises:
        CorruptFile: It has more.
    """
    if columns > COLUMNS:
        message = f"it has {columns:,} columns; a file may have {COLUMNS:,}"
        raise CorruptFile(message)
