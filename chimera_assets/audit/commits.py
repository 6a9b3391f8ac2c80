"""Brings the tables' own logs into the audit log: each commit has one entry, made once.

It goes on where the last one ended, by `platform.commit_positions`, which is changed in the
transaction that adds the entries. So it may be done by anybody, at any time, again and again.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit.contents import contents_of
from chimera_assets.audit.log import NewEntry
from chimera_assets.audit.table_commits import TableCommit
from chimera_assets.errors import ChimeraError
from chimera_assets.lake.log_entries import read_entry, stored_versions
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chimera_assets.audit.log import AuditLog
    from chimera_assets.audit.table_commits import Described
    from chimera_assets.lake import Lake
    from chimera_assets.lake.table import Table
    from chimera_assets.postgres.platform.session import Session

#: The action of these entries.
COMMIT = "table.commit"

_POSITIONS = "SELECT resource, table_id, version, sha256 FROM platform.commit_positions"
#: Of all processes one at a time brings commits in; others wait for it and find them.
_TURN = "SELECT pg_advisory_xact_lock(4811208)"
_MOVE = """
    INSERT INTO platform.commit_positions
    VALUES (%(resource)s, %(table_id)s, %(version)s, %(sha256)s)
    ON CONFLICT (resource) DO UPDATE
    SET table_id = excluded.table_id, version = excluded.version, sha256 = excluded.sha256
"""
_ACTORS = """
    SELECT DISTINCT ON (run_id) run_id, actor_kind, actor_name, actor_origin, actor_stated_by
    FROM ONLY audit.entries WHERE run_id = ANY(%s) AND action <> 'table.commit'
    ORDER BY run_id, sequence
"""
_RECORDED = """
    SELECT details::jsonb -> 'after' ->> 'version' AS version,
        details::jsonb -> 'after' ->> 'entry' AS entry
    FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence)
    WHERE action = 'table.commit' AND resource = %s
        AND details::jsonb -> 'after' ->> 'table' = %s
    ORDER BY sequence
"""
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table's log is in the audit log.

    Attributes:
        table_id: The id that the table got when it was made.
        version: The newest version that has an entry.
        sha256: The SHA-256 of that version's entry in the table's log.
    """

    table_id: str
    version: int
    sha256: bytes


def record_commits(audit: AuditLog, lake: Lake) -> int:
    """Write the entries of all commits that have none.

    Returns:
        How many there were.

    Raises:
        DatabaseError: The platform's database cannot be reached or refuses.
        LakeError: A table's log cannot be read; the commits of all others have their entries.
        StorageUnavailable: The storage cannot be reached; likewise.
    """
    while True:
        with audit.database.transaction() as session:
            known = _positions(session)
        found, failures = _found(audit, lake, known)
        with audit.database.transaction() as session:
            session.execute(_TURN)
            if _positions(session) != known:
                continue  # another process has brought in some of these meanwhile
            if found:
                _write(audit, session, found)
        if failures:
            raise failures[0]
        return len(found)


def _positions(session: Session) -> dict[str, Position]:
    return {row.pop("resource"): Position(**row) for row in session.execute(_POSITIONS).fetchall()}


def _found(
    audit: AuditLog, lake: Lake, known: Mapping[str, Position]
) -> tuple[list[TableCommit], list[ChimeraError]]:
    """The commits that have no entry, of each table in its order; and why tables have none."""

    def of_table(name: tuple[str, str]) -> list[TableCommit] | ChimeraError:
        table = lake.table(*name)
        try:
            return list(_of_table(audit, lake, table, known.get(name_of(table))))
        except ChimeraError as error:
            return error

    # Where it is a folder, nobody waits for anything.
    with ThreadPoolExecutor(_AT_ONCE if is_s3(lake.uri) else 1) as pool:
        answers = list(pool.map(of_table, lake.tables()))
    found = [commit for one in answers if isinstance(one, list) for commit in one]
    return found, [one for one in answers if isinstance(one, ChimeraError)]


def _of_table(
    audit: AuditLog, lake: Lake, table: Table, known: Position | None
) -> Iterator[TableCommit]:
    """A table's commits that have no entry."""
    if known is not None and _sha256(table, known.version) == known.sha256:
        table_id, start = known.table_id, known.version + 1
    else:
        table_id = str(table.delta().metadata().id)
        start = _start(table, recorded_versions(audit, name_of(table), table_id))
    while (entry := _entry(table, start)) is not None:
        yield TableCommit(name_of(table), table_id, start, entry, contents_of(lake, table, entry))
        start += 1


def _start(table: Table, recorded: Mapping[int, str]) -> int:
    """The first version to bring in, of a table that is new, or not what it was.

    It was perhaps rolled back, so that others have the numbers of versions that have entries; or
    the log does not reach back as far as it did.
    """
    oldest = min(stored_versions(table), default=0)
    last = min(max(recorded, default=-1), table.version())
    while last >= oldest and (found := _sha256(table, last)) and found.hex() != recorded.get(last):
        last -= 1
    return max(last + 1, oldest)


def recorded_versions(audit: AuditLog, resource: str, table_id: str) -> dict[int, str]:
    """The versions of a table that have entries, each with the SHA-256 of its log's entry.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with audit.database.transaction() as session:
        rows = session.execute(_RECORDED, (resource, table_id)).fetchall()
    return {int(row["version"]): row["entry"] for row in rows if row["version"] is not None}


def name_of(table: Table) -> str:
    """How entries name a table."""
    return f"{table.layer}/{table.name}"


def _entry(table: Table, version: int) -> bytes | None:
    try:
        return read_entry(table, version)
    except FileNotFoundError:
        return None


def _sha256(table: Table, version: int) -> bytes | None:
    entry = _entry(table, version)
    return hashlib.sha256(entry).digest() if entry is not None else None


def _write(audit: AuditLog, session: Session, found: Sequence[TableCommit]) -> None:
    described = [(commit, commit.described()) for commit in found]
    actors = _actors(session, {one.run_id for _, one in described if one.run_id is not None})
    audit.write_all(
        session,
        [
            NewEntry(
                COMMIT,
                commit.resource,
                _actor(one, actors),
                before={"version": commit.version - 1} if commit.version else None,
                after=one.details,
                run_id=one.run_id,
            )
            for commit, one in described
        ],
    )
    for commit in {commit.resource: commit for commit in found}.values():
        moved = {"table_id": commit.table_id, "version": commit.version, "sha256": commit.sha256}
        session.execute(_MOVE, {"resource": commit.resource, **moved})


def _actors(session: Session, runs: Iterable[str]) -> dict[str, Principal]:
    """Who began each run, as its first entry says."""
    return {
        row["run_id"]: Principal.of_row(row)
        for row in session.execute(_ACTORS, (sorted(runs),)).fetchall()
    }


def _actor(said: Described, actors: Mapping[str, Principal]) -> Principal:
    """Who has made a commit; unknown if it was a run off the record, or another program.

    What another program says of a run, anybody may write.
    """
    known = actors.get(said.run_id or "")
    if said.made_by is None and known is not None:
        return known
    return Principal(Kind.SYSTEM, "unknown", said.made_by or "a run that has no entry")
