"""How a table's columns changed over time: by its log, and by its contract in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit import Wanted, newest
from chimera_assets.layers import LANDING, STREAM_LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.audit import Entry
    from chimera_assets.lake import Table
    from chimera_assets.lineage.table_log import TableLog
    from chimera_assets.postgres.platform.database import PlatformDatabase

#: As the audit log calls what it notices of a contract.
_CONTRACT = "contract.change"

#: More changes of contracts than anybody makes.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change of a table's columns, or of its contract.

    Attributes:
        at: When.
        version: The table's version that it made; None for a change of the contract.
        by: The run that made it, or who was acting when the contract's change was noticed.
        column: The column; None for the table or the contract as a whole.
        what: `created`, `added`, `removed`, `type` or `contract`.
        before, after: The column's type, the number of a new table's columns, or the contract's
            version; None where there was none.
    """

    at: datetime
    version: int | None
    by: str | None
    column: str | None
    what: str
    before: str | None
    after: str | None


def column_changes(log: TableLog) -> Iterator[SchemaChange]:
    """How a table's columns changed, oldest first, as far back as its log reaches.

    Where the oldest entries are gone, the first one that names the columns is where it begins.
    """
    known: dict[str, str] = {}
    for number, (commit, columns) in enumerate(log.schemas()):
        if commit.version == 0:
            many = f"{len(columns)} columns"
            yield SchemaChange(commit.at, 0, commit.run, None, "created", None, many)
        elif number:
            for name in dict.fromkeys([*known, *columns]):
                before, after = known.get(name), columns.get(name)
                if before != after:
                    what = "added" if before is None else "removed" if after is None else "type"
                    yield SchemaChange(
                        commit.at, commit.version, commit.run, name, what, before, after
                    )
        known = dict(columns)


def contract_changes(database: PlatformDatabase, table: Table) -> Iterator[SchemaChange]:
    """How the contract of a stream's table changed, oldest first; none of other tables.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    if table.layer not in {LANDING, *STREAM_LAYERS}:
        return
    for entry in reversed(newest(database, Wanted(_CONTRACT, None, table.name), _MOST)):
        before, after = _version(entry, "before"), _version(entry, "after")
        if entry.resource == table.name and not entry.erased and before != after:
            by = entry.actor.label
            yield SchemaChange(entry.at, None, by, None, "contract", before, after)


def _version(entry: Entry, part: str) -> str | None:
    """The contract's version in a part of an entry, if that has one."""
    details = entry.before if part == "before" else entry.after
    return str(details["version"]) if details and "version" in details else None
