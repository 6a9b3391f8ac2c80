"""What can be wrong with a database, in words that never hold a password."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError

#: SQLSTATE of a statement that took longer than it may.
QUERY_CANCELED = "57014"


class DatabaseError(ChimeraError):
    """A PostgreSQL database cannot give what was asked.

    Args:
        where: The database (without password), the table, or the setting.
        problem: What was found.
        remedy: What to do about it.
        transient: Whether trying again may succeed.
        sqlstate: The server's code for it, if it gave one.
    """

    def __init__(
        self,
        where: str,
        problem: str,
        *,
        remedy: str,
        transient: bool = False,
        sqlstate: str | None = None,
    ) -> None:
        self.where = where
        self.problem = problem
        self.remedy = remedy
        # An instance attribute on purpose: the class default of ChimeraError is False.
        self.transient = transient
        self.sqlstate = sqlstate
        super().__init__(f"{where}: {problem}; {remedy}")

    @property
    def cancelled(self) -> bool:
        """Whether the server cancelled the statement, by its time limit as a rule."""
        return self.sqlstate == QUERY_CANCELED
