"""How much one file may be: beyond it the file is corrupt, and says which limit that was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from chimera_assets.settings import get_settings
from chimera_assets.sources.landing.damage import CorruptFile

#: A file with more columns is no table that anybody wrote on purpose.
COLUMNS = 10_000

#: A file's malformed lines are kept one by one up to this number, the rest as one row.
MALFORMED_LINES = 10_000


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
