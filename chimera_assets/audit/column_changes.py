"""How tables' columns changed, by the entries of the commits that set them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.commits import COMMIT
from chimera_assets.audit.reading import WHERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.audit.reading import Wanted
    from chimera_assets.postgres.platform.database import PlatformDatabase

#: Commits that set a table's columns, and what they were by the one before of that table.
_SET = f"""
    WITH these AS (
        SELECT sequence, at, resource, details::jsonb -> 'after' AS said
        FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence) {WHERE}
            AND action = '{COMMIT}' AND details::jsonb -> 'after' ? 'columns'
    )
    SELECT at, resource, (said ->> 'version')::bigint AS version, said -> 'columns' AS columns,
        (
            SELECT details::jsonb -> 'after' -> 'columns'
            FROM ONLY audit.entries AS earlier JOIN ONLY audit.details USING (sequence)
            WHERE earlier.action = '{COMMIT}' AND earlier.resource = these.resource
                AND earlier.sequence < these.sequence
                AND details::jsonb -> 'after' ->> 'table' = said ->> 'table'
                AND details::jsonb -> 'after' ? 'columns'
            ORDER BY earlier.sequence DESC LIMIT 1
        ) AS before
    FROM these ORDER BY sequence
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A change of a table's columns.

    Attributes:
        at: When it was written down.
        table: Layer and name.
        version: The table's version that made it.
        column: The column; None where the table was made.
        before: The column's type; None where it was added.
        after: The column's type, or of a new table how many columns it has; None where it is gone.
    """

    at: datetime
    table: str
    version: int
    column: str | None
    before: str | None
    after: str | None


def column_changes(database: PlatformDatabase, wanted: Wanted) -> list[ColumnChange]:
    """The changes that some entries speak of, oldest first.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        rows = session.execute(_SET, wanted.parameters()).fetchall()
    return [
        ColumnChange(row["at"], row["resource"], row["version"], *change)
        for row in rows
        for change in _changes(row["before"], row["columns"])
    ]


def _changes(
    before: list[str] | None, after: list[str]
) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Column, its type before, its type after; columns are given as `name type`."""
    if before is None:
        yield None, None, f"{len(after)} columns"
        return
    then, now = (dict(one.rsplit(" ", 1) for one in columns) for columns in (before, after))
    for name in dict.fromkeys([*then, *now]):
        if then.get(name) != now.get(name):
            yield name, then.get(name), now.get(name)
