"""Whether tables and audit log agree: every version has its entry, and every entry its version."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera_assets.audit.commits import name_of
from chimera_assets.audit.findings import Check
from chimera_assets.errors import ChimeraError
from chimera_assets.lake.data_files import files
from chimera_assets.lake.errors import translated
from chimera_assets.lake.log_entries import read_entry, stored_versions
from chimera_assets.lake.storage import stored_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deltalake import DeltaTable

    from chimera_assets.lake import Lake
    from chimera_assets.lake.table import Table
    from chimera_assets.postgres.platform.session import Session

_COMMITS = """
    SELECT resource, said ->> 'table' AS table_id, (said ->> 'version')::bigint AS version,
        decode(said ->> 'entry', 'hex') AS entry
    FROM (
        SELECT sequence, resource, details::jsonb -> 'after' AS said
        FROM ONLY audit.entries LEFT JOIN ONLY audit.details USING (sequence)
        WHERE action = 'table.commit'
    ) AS commits
    ORDER BY sequence
"""
#: Commits that no run or command on the record has made, whatever they say of themselves: nothing
#: that a commit says could not be written by another program. Erased ones among them, too.
_UNKNOWN = """
    SELECT sequence, resource, actor_origin,
        details::jsonb -> 'after' ->> 'version' AS version
    FROM ONLY audit.entries LEFT JOIN ONLY audit.details USING (sequence)
    WHERE action = 'table.commit' AND actor_kind = 'system' AND actor_name = 'unknown'
    ORDER BY sequence
"""
#: Each of our commits has an id of its own, which a forged one that copies its words has, too; in
#: whichever table.
_TWICE = """
    SELECT resource, version, first FROM (
        SELECT sequence, resource, said ->> 'version' AS version,
            first_value(resource || ' version ' || (said ->> 'version')) OVER same AS first
        FROM (
            SELECT sequence, resource, details::jsonb -> 'after' AS said
            FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence)
            WHERE action = 'table.commit'
        ) AS commits
        WHERE said ? 'commit'
        WINDOW same AS (PARTITION BY said ->> 'commit' ORDER BY sequence)
    ) AS numbered
    WHERE resource || ' version ' || version <> first
    ORDER BY sequence LIMIT 20
"""
_AT_ONCE = 16
_SHOWN = 20


@dataclass(slots=True)
class _Recorded:
    """What entries say of one table.

    Attributes:
        versions: Id of the table -> version -> the SHA-256 of its log's entry; the last one said.
        replaced: Versions that had another entry before.
        erased: How many entries no longer say what they are of.
    """

    versions: dict[str, dict[int, bytes]] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    erased: int = 0


def check_tables(session: Session, lake: Lake) -> Check:
    """Whether every version of every table has its entry, and every entry its version.

    Args:
        session: The platform's database.
        lake: The lake.
    """
    recorded = _recorded(session)
    there = {f"{layer}/{name}": lake.table(layer, name) for layer, name in lake.tables()}
    known = (versions for one in recorded.values() for versions in one.versions.values())
    check = Check("tables", sum(map(len, known)))
    check.problems += [
        f"{name}: expected entries that say which version they are of, found {one.erased:,} erased"
        for name, one in sorted(recorded.items())
        if one.erased
    ]
    for name in sorted(recorded.keys() - there.keys()):
        check.problems.append(f"{name}: expected the table, found none")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for problems in pool.map(lambda one: _differences(one, recorded), there.values()):
            check.problems += problems
    return check


def check_actors(session: Session) -> Check:
    """Whether every commit was made in a run or command that is on the record."""
    count = session.execute(
        "SELECT count(*) AS commits FROM ONLY audit.entries WHERE action = 'table.commit'"
    ).fetchone()
    check = Check("actors", count["commits"] if count is not None else 0)
    for row in session.execute(_TWICE).fetchall():
        check.problems.append(
            f"{row['resource']} version {row['version']}: expected a commit with an id of its own, "
            f"found that of {row['first']}: made to look like one of ours"
        )
    rows = session.execute(_UNKNOWN).fetchall()
    for row in rows[:_SHOWN]:
        version = "(erased)" if row["version"] is None else row["version"]
        where = f"entry {row['sequence']:,}, {row['resource']} version {version}"
        check.problems.append(f"{where}: expected a run on the record, found {row['actor_origin']}")
    if len(rows) > _SHOWN:
        check.problems.append(f"and {len(rows) - _SHOWN:,} more")
    return check


def _recorded(session: Session) -> dict[str, _Recorded]:
    found: dict[str, _Recorded] = {}
    with session.cursor("commits") as rows:
        rows.itersize = 10_000
        for row in rows.execute(_COMMITS):
            table = found.setdefault(row["resource"], _Recorded())
            if row["version"] is None:
                table.erased += 1
                continue
            versions = table.versions.setdefault(row["table_id"], {})
            if versions.get(row["version"], row["entry"]) != row["entry"]:
                table.replaced.append(row["version"])
            versions[row["version"]] = row["entry"]
    return found


def _differences(table: Table, recorded: Mapping[str, _Recorded]) -> list[str]:
    name = name_of(table)
    known = recorded.get(name, _Recorded())
    try:
        return [f"{name}: {problem}" for problem in _problems(table, known)]
    except ChimeraError as error:
        return [f"{name}: expected a table that can be read, found: {error}"]


def _file_problems(table: Table) -> Iterator[str]:
    """Data files that the newest version names and that are not there as it says."""
    there = stored_files(table.uri, table.storage_options)
    for file in files(table, table.fresh(), None).iter_rows(named=True):
        found = there.get(file["path"])
        if found != file["bytes"]:
            is_there = "none" if found is None else f"{found:,}"
            yield f"{file['path']}: expected {file['bytes']:,} bytes, found {is_there}"


def _as_it_is_now(table: Table) -> DeltaTable:
    """The table, without what this process has read of it before and may be there no more.

    Raises:
        LakeError: It cannot be read.
    """
    try:
        return table.fresh()
    except Exception as error:
        raise translated(error, table.uri) from error


def _problems(table: Table, known: _Recorded) -> Iterator[str]:
    newest_state = _as_it_is_now(table)
    table_id = str(newest_state.metadata().id)
    for other in known.versions.keys() - {table_id}:
        last = max(known.versions[other])
        yield f"expected table {other} with its {last + 1:,} versions, found {table_id}: made anew"
    for version in known.replaced:
        yield f"version {version:,}: expected one, found another later: rolled back and replaced"
    versions = known.versions.get(table_id, {})
    newest, last = newest_state.version(), max(versions, default=-1)
    if newest < last:
        yield f"expected version {last:,}, found {newest:,} as the newest: rolled back"
    missing = sorted(set(range(min(versions, default=0), last)) - versions.keys())
    if missing:
        yield f"version {missing[0]:,}: expected an entry, found none ({len(missing):,} such)"
    yield from _file_problems(table)
    for version in stored_versions(table):
        if version in versions and version <= newest:
            found = hashlib.sha256(read_entry(table, version)).digest()
            if found != versions[version]:
                yield f"version {version:,}: expected the commit that was entered, found another"
