"""What is wrong with a log, its proofs or its signatures."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError, one_line

#: So much of what was found is shown.
_FOUND = 120


class TransparencyError(ChimeraError):
    """Something of a transparency log is not what it has to be.

    Args:
        where: The part of it, `checkpoint, tree size` for instance.
        expected: What the standard asks there.
        found: What is there.
    """

    def __init__(self, where: str, *, expected: str, found: object) -> None:
        self.where = where
        self.expected = expected
        self.found = one_line(str(found), _FOUND)
        super().__init__(f"{where}: expected {expected}, found {self.found}")


class MalformedError(TransparencyError):
    """A note, key, checkpoint, tile, bundle, proof or message is not in its format."""


class BadSignatureError(TransparencyError):
    """A note lacks a signature that was asked for, or one of a known key is not by that key."""


class BadProofError(TransparencyError):
    """Hashes do not lead to the root that they should lead to."""
