"""Reading the audit log, newest first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.access.principal import UNKNOWN_BY, Principal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.postgres.platform.database import PlatformDatabase

#: `Principal.label`, in SQL.
LABEL = """
    CASE WHEN actor_kind = 'dagster' THEN %(unknown_by)s ELSE '' END || actor_name
    || COALESCE(' (stated by ' || actor_stated_by || ')', '')
"""

_COLUMNS = """
    SELECT sequence, at, failure_of, actor_kind, actor_name, actor_origin, actor_stated_by, action,
        resource, run_id, details::jsonb AS details
    FROM ONLY audit.entries LEFT JOIN ONLY audit.details USING (sequence)
"""

#: Which entries, of the tables `audit.entries` and `audit.details`.
WHERE = f"""
    WHERE (%(action)s::text IS NULL OR action = %(action)s
            OR starts_with(action, %(action)s || '.'))
        AND (%(sequence)s::bigint IS NULL OR sequence = %(sequence)s)
        AND (%(commits)s OR action <> 'table.commit')
        AND (%(system)s OR actor_kind <> 'system')
        AND (%(changes)s OR failure_of IS NOT NULL)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
        AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
        AND (%(actor)s::text IS NULL OR actor_name = %(actor)s OR actor_stated_by = %(actor)s
            OR {LABEL} = %(actor)s)
        AND (%(resource)s::text IS NULL OR position(%(resource)s in resource) > 0)
"""
_SELECT = f"{_COLUMNS} {WHERE} ORDER BY sequence DESC LIMIT %(limit)s"
_WHOLE = f"""
    SELECT entry.*, commitment, salt, kept.details AS text, audit.leaf(made) AS leaf
    FROM ({_COLUMNS} {WHERE}) AS entry JOIN ONLY audit.entries AS made USING (sequence)
    LEFT JOIN ONLY audit.details AS kept USING (sequence) ORDER BY sequence
"""  # noqa: S608 - of constants

_FIRST = "SELECT at FROM ONLY audit.entries ORDER BY sequence LIMIT 1"

_NAMES = """
    SELECT DISTINCT 'action' AS kind, action AS name FROM ONLY audit.entries
    UNION SELECT 'actor', actor_name FROM ONLY audit.entries
    UNION SELECT 'actor', actor_stated_by FROM ONLY audit.entries
    WHERE actor_stated_by IS NOT NULL
    UNION SELECT 'resource', resource FROM ONLY audit.entries
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; None means any.

    Attributes:
        action: An action, or the part of it before a point: `table` for `table.restore`.
        actor: A name, that of whoever acted or of who stated it; or a whole `Principal.label`.
        resource: A part of the resource's name.
        since: The first moment.
        until: The moment after the last one.
        run_id: The run or command.
        commits: Whether commits of tables are wanted, too.
        sequence: The number of one entry.
        system: Whether what schedules and sensors did by themselves is wanted, too.
        changes: Whether more is wanted than that changes failed.
    """

    action: str | None = None
    actor: str | None = None
    resource: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    run_id: str | None = None
    commits: bool = True
    sequence: int | None = None
    system: bool = True
    changes: bool = True

    def parameters(self) -> dict[str, Any]:
        """For the query."""
        return {**asdict(self), "unknown_by": UNKNOWN_BY}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log.

    Attributes:
        sequence: Its number in the log, from 0 without a gap.
        at: When, by the database's clock.
        actor: Who.
        action: Did what.
        resource: To what.
        before: What it was.
        after: What it was to be.
        reason: Why, in the actor's words.
        run_id: The run or command that it is part of.
        failure_of: The entry whose change failed; None for an entry of a change.
        erased: Whether its details, before, after and reason, are there no more.
    """

    sequence: int
    at: datetime
    actor: Principal
    action: str
    resource: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    run_id: str | None
    failure_of: int | None
    erased: bool = False


def newest(database: PlatformDatabase, wanted: Wanted, limit: int) -> list[Entry]:
    """The newest entries, newest first.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    asked = {**wanted.parameters(), "limit": limit}
    with database.transaction() as session:
        return [_entry(row) for row in session.execute(_SELECT, asked).fetchall()]


@dataclass(frozen=True, slots=True)
class WholeEntry:
    """An entry, and what it is made of.

    Attributes:
        entry: The entry.
        leaf: The entry as canonical JSON, as it stands in the tree.
        commitment: What the leaf says of the details: SHA-256 of salt and details.
        salt: 32 random bytes; None if erased.
        details: The details as canonical JSON; None if erased.
    """

    entry: Entry
    leaf: str
    commitment: bytes
    salt: bytes | None
    details: str | None


def whole_entries(database: PlatformDatabase, wanted: Wanted) -> Iterator[WholeEntry]:
    """Entries with all that is known of them, oldest first, not all of them in memory.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session, session.cursor("entries") as rows:
        for row in rows.execute(_WHOLE, wanted.parameters()):
            commitment, salt = bytes(row["commitment"]), row["salt"]
            salted = None if salt is None else bytes(salt)
            yield WholeEntry(_entry(row), row["leaf"], commitment, salted, row["text"])


def log_began(database: PlatformDatabase) -> datetime | None:
    """When the first entry was written, by which a log is told from others; None before that.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        row = session.execute(_FIRST).fetchone()
    return row["at"] if row is not None else None


def names_known(database: PlatformDatabase) -> dict[str, list[str]]:
    """What entries can be asked for: `Wanted`'s attributes, each with every name in the log.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        rows = session.execute(_NAMES).fetchall()
    return {
        kind: sorted(row["name"] for row in rows if row["kind"] == kind)
        for kind in ("action", "actor", "resource")
    }


def _entry(row: dict[str, Any]) -> Entry:
    details = row["details"]
    return Entry(
        row["sequence"],
        row["at"],
        Principal.of_row(row),
        row["action"],
        row["resource"],
        **{name: (details or {}).get(name) for name in ("before", "after", "reason")},
        run_id=row["run_id"],
        failure_of=row["failure_of"],
        erased=details is None,
    )
