"""What can be wrong with a pack, with its place in the file."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError
from chimera_assets.yaml_documents import DocumentError


class PackError(DocumentError):
    """A file of a pack cannot be used."""

    lister = "chimera pack check"


class SelectError(ChimeraError):
    """A text is no SELECT that a pack may have.

    Args:
        expected: What belongs there, in words.
        found: What stands there.
    """

    def __init__(self, expected: str, found: str) -> None:
        self.expected, self.found = expected, found
        super().__init__(f"expected {expected}, found {found}")


class OutsideError(SelectError):
    """A SELECT reads something else than tables."""


class ModelError(ChimeraError):
    """A model cannot be used.

    Args:
        line: The line in the model's file.
        expected: What belongs there, in words.
        found: What stands there.
    """

    def __init__(self, line: int, expected: str, found: str) -> None:
        self.line, self.expected, self.found = line, expected, found
        super().__init__(f"expected {expected}, found {found}")
