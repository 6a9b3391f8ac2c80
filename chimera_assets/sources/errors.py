"""What can be wrong with a source, in words that never hold a password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.postgres.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence


class SourceError(DatabaseError):
    """The operational database cannot give what was asked."""


class SourceTableMissing(SourceError):  # noqa: N818
    """There is no such table in the operational database, or this user may not see it."""


@dataclass(frozen=True, slots=True)
class ColumnMismatch:
    """A column that a contract asks for and the source table does not have that way."""

    column: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        """The mismatch in words."""
        return f"{self.column}: expected {self.expected}, found {self.found} ({self.remedy})"


class SourceSchemaError(SourceError):
    """A source table lacks columns of its contract, or has them with types that do not fit.

    Args:
        where: The database, without password.
        table: The source table.
        stream: The contract's stream.
        mismatches: Every column that is wrong.
    """

    def __init__(
        self, where: str, table: str, stream: str, mismatches: Sequence[ColumnMismatch]
    ) -> None:
        self.table = table
        self.stream = stream
        self.mismatches = tuple(mismatches)
        listed = "; ".join(map(str, self.mismatches))
        # Names first: where a message is cut, they are what is left of it.
        names = ", ".join(mismatch.column for mismatch in self.mismatches)
        several = f" in {len(self.mismatches)} columns ({names})" if len(mismatches) > 1 else ""
        super().__init__(
            f"table {table} in {where}",
            f"does not fit the contract of {stream}{several}: {listed}",
            remedy="nothing was read; change the table, or point the contract at a view that fits",
        )
