"""dbt's way to DuckDB, so that what DuckDB says of a failure has no values of rows in it.

dbt writes an engine's message into its log, to the terminal, and into the results that we read. The
adapter has no hook for that; its one cursor class is where all of it comes through.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

from chimera_assets.row_values import values_hidden

if TYPE_CHECKING:
    from collections.abc import Callable


class GuardedCursor:
    """A cursor of DuckDB's whose errors quote no values.

    Args:
        cursor: The cursor.
    """

    def __init__(self, cursor: Any) -> None:  # noqa: ANN401 - of DuckDB, or the adapter's own
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """The cursor's attribute; a method of it, guarded."""
        found = getattr(self._cursor, name)
        return _guarded(found) if callable(found) else found


def guard_cursors() -> None:
    """From now on every cursor that dbt opens is a guarded one; may be called again."""
    if getattr(DuckDBCursorWrapper.__init__, "guards", False):
        return
    begin = DuckDBCursorWrapper.__init__

    def __init__(self: Any, cursor: Any) -> None:  # noqa: ANN401, N807
        begin(self, GuardedCursor(cursor))

    __init__.guards = True  # type: ignore[attr-defined]
    DuckDBCursorWrapper.__init__ = __init__


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with values_hidden():
            return method(*args, **kwargs)

    return guarded
