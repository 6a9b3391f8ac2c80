"""Checkpoints: what a log says of its tree (c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

from dataclasses import dataclass

from chimera_assets.audit.tlog.encoding import (
    HASH_BYTES,
    SIZE_LIMIT,
    fits_a_line,
    parse_decimal,
    parse_hash,
    to_base64,
)
from chimera_assets.audit.tlog.errors import MalformedError

_WHERE = "checkpoint"
_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's size and root, and whose tree it is (tlog-checkpoint, "Note text").

    Attributes:
        origin: The log; one line, not empty.
        size: The tree's leaves.
        root: The tree's root, 32 bytes.

    Raises:
        MalformedError: One of them cannot be that.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not fits_a_line(self.origin):
            expected = "one line that is not empty"
            where = f"{_WHERE}, origin"
            raise MalformedError(where, expected=expected, found=repr(self.origin))
        if not 0 <= self.size < SIZE_LIMIT:
            where = f"{_WHERE}, tree size"
            raise MalformedError(where, expected="0 to 2**63 - 1", found=self.size)
        if len(self.root) != HASH_BYTES:
            found = f"{len(self.root)} bytes"
            where = f"{_WHERE}, root hash"
            raise MalformedError(where, expected="32 bytes", found=found)

    @property
    def text(self) -> str:
        """The text of its note."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a note; extension lines, which nobody can audit, are refused.

        Raises:
            MalformedError: Where it is not as `text` would be.
        """
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[-1]:
            expected = "lines of origin, tree size and root hash, and no others"
            raise MalformedError(_WHERE, expected=expected, found=repr(text))
        origin, size, root, _ = lines
        return cls(
            origin,
            parse_decimal(size, f"{_WHERE}, tree size"),
            parse_hash(root, f"{_WHERE}, root hash"),
        )
