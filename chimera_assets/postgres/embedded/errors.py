"""What can go wrong with the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from pathlib import Path


class EmbeddedServerError(ChimeraError):
    """The embedded PostgreSQL cannot be used on this machine, or did not start.

    Args:
        root: The server's folder.
        problem: What was found.
        remedy: What to do about it.
        transient: Whether trying again may succeed.
    """

    def __init__(
        self, root: Path, problem: str, remedy: str = "", *, transient: bool = False
    ) -> None:
        self.root = root
        self.transient = transient
        self.problem = problem
        self.remedy = remedy or (
            "or set CHIMERA_SOURCE_DATABASE_URL and CHIMERA_DATABASE_URL to a server of your own"
        )
        super().__init__(f"embedded PostgreSQL in {root}: {problem}; {self.remedy}")
