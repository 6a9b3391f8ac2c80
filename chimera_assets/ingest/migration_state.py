"""Whether a migration of a stream has taken over some of its tables only.

`quality/migration` makes a stream's tables anew beside the old ones, which go on to be written, and
then puts each in its old one's place. If it dies in between, a run would write rows of today's
contract into one table and find another that is not by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.errors import ChimeraError
from chimera_assets.lake import Lake
from chimera_assets.layers import LANDING, QUARANTINE, RAW, STAGED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.lake import Table

#: The folder of the lake in which migrations have their tables.
MIGRATIONS = "_migrations"

#: A migration's own table: to which contract, its number, and the layers that it makes anew.
TARGET = ("migration", "target")

#: The application id of every commit of a migration, whose version is its number.
TRANSACTION = "chimera.migration"


class TakeoverUnfinished(ChimeraError):  # noqa: N818
    """A migration has taken over some of a stream's tables, and others not yet.

    Args:
        stream: The stream.
        taken: The layers that are taken over.
        left: Those that are not.
    """

    #: If it is alive, it is done in a moment.
    transient = True

    def __init__(self, stream: str, taken: list[str], left: list[str]) -> None:
        super().__init__(
            f"{stream}: expected tables by one contract, found {', '.join(taken)} taken over by "
            f"`chimera contract migrate {stream}` and {', '.join(left)} not yet; nothing was "
            "written. If it does not run any more, run it again: it goes on to its end"
        )


def migration_place(lake: Lake, stream: str) -> str:
    """Where a migration of a stream has its tables."""
    return f"{lake.uri}/{MIGRATIONS}/{stream}"


def target_table(lake: Lake, stream: str) -> Table:
    """The table that says what a migration of a stream is for; there is one while it goes on."""
    return Lake(migration_place(lake, stream), lake.storage_options).table(*TARGET)


def require_takeover_finished(lake: Lake, stream: str) -> None:
    """Refuse to write tables that are taken over by half.

    Raises:
        TakeoverUnfinished: They are.
    """
    by = _numbers(lake, stream, (RAW, STAGED))
    # One of these is the first that is taken over: without a migration nothing else is looked at.
    if STAGED in by and not any(by.values()):
        return
    by |= _numbers(lake, stream, (QUARANTINE, LANDING))
    if len({*by.values()}) <= 1 or (said := _said(target_table(lake, stream))) is None:
        return
    taken = [layer for layer in said["layers"] if by.get(layer) == said["number"]]
    left = [layer for layer in said["layers"] if layer not in taken]
    if taken and left:
        raise TakeoverUnfinished(stream, taken, left)


def _numbers(lake: Lake, stream: str, layers: Iterable[str]) -> dict[str, int | None]:
    """Layer -> the last migration that its table is of, None without one; of tables there are."""
    tables = (lake.table(layer, stream) for layer in layers)
    return {one.layer: one.transaction_version(TRANSACTION) for one in tables if one.exists()}


def _said(target: Table) -> dict[str, Any] | None:
    rows = target.read().collect() if target.exists() else None
    return rows.row(0, named=True) if rows is not None and rows.height else None
