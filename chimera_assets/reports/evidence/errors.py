"""What is wrong with a piece of evidence, or with what was to become one."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError, one_line

#: So much of what was found is shown.
_FOUND = 160


class EvidenceError(ChimeraError):
    """Something of a bundle, or of what was to go into one, is not what it has to be.

    Args:
        where: The part of it: `report.json#/period/start` for instance.
        expected: What is asked there.
        found: What is there.
    """

    def __init__(self, where: str, *, expected: str, found: object) -> None:
        self.where = where
        self.expected = expected
        self.found = one_line(str(found), _FOUND)
        super().__init__(f"{where}: expected {expected}, found {self.found}")
