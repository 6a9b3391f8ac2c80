"""Counts of the audit log's entries, made by the database: how often who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.commits import COMMIT
from chimera_assets.audit.reading import LABEL, WHERE

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.audit.reading import Wanted
    from chimera_assets.postgres.platform.database import PlatformDatabase

_BY_ACTOR = f"""
    SELECT {LABEL} AS actor, action, count(*) FILTER (WHERE failure_of IS NULL) AS entries,
        count(failure_of) AS failed, min(at) AS first, max(at) AS last
    FROM ONLY audit.entries {WHERE} GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - of constants
_COMMITS = f"""
    SELECT resource AS table, count(*) AS commits,
        sum((details::jsonb -> 'after' ->> 'rows')::bigint)::bigint AS rows,
        min((details::jsonb -> 'after' ->> 'version')::bigint) AS first_version,
        max((details::jsonb -> 'after' ->> 'version')::bigint) AS last_version,
        count(*) FILTER (WHERE details IS NULL) AS erased
    FROM ONLY audit.entries LEFT JOIN ONLY audit.details USING (sequence) {WHERE}
        AND action = '{COMMIT}'
    GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Acted:
    """How often somebody did something.

    Attributes:
        actor: Who, as `Principal.label` has it.
        action: What.
        entries: How often it was begun.
        failed: How often it then failed.
        first: When first.
        last: When last.
    """

    actor: str
    action: str
    entries: int
    failed: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Committed:
    """The commits of a table.

    Attributes:
        table: Layer and name.
        commits: How many.
        rows: The rows that they wrote; those that they wrote again count again.
        first_version: The first version that they made.
        last_version: The last.
        erased: Of how many the details were erased, which count nowhere but in `commits`.
    """

    table: str
    commits: int
    rows: int | None
    first_version: int | None
    last_version: int | None
    erased: int


def entries_by_actor(database: PlatformDatabase, wanted: Wanted) -> list[Acted]:
    """How often each actor did what, by name.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        rows = session.execute(_BY_ACTOR, wanted.parameters()).fetchall()
    return [Acted(**row) for row in rows]


def commits_by_table(database: PlatformDatabase, wanted: Wanted) -> list[Committed]:
    """How often each table was committed to, by name.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        rows = session.execute(_COMMITS, wanted.parameters()).fetchall()
    return [Committed(**row) for row in rows]
