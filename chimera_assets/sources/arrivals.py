"""What has arrived at a source table since an earlier watermark.

Times do not show it: a transaction may begin before that moment and commit after it, an application
may set the arrival itself, an UPDATE may leave it as it was. PostgreSQL's own bookkeeping can: each
row version carries the id of the transaction that wrote it. See `snapshot.py` for the rule.

The id in a row has 32 bits, so ids are compared by age, the distance to the next id to be assigned.
An id from an earlier turn of the counter can seem younger than it is, never older: at worst an hour
is extracted once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.query import arrived_at, placed_hour
from chimera_assets.sources.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.sources.catalogue import SourceTable

_MOMENT = """
    SELECT pg_current_snapshot()::text AS snapshot, pg_is_in_recovery() AS standby,
           now() AS taken_at, age('3'::xid)::int8 + 3 AS next_xid,
           (SELECT oid::int8 FROM pg_database WHERE datname = current_database()) AS database
"""
#: A server's history: its identifier from `initdb`, and its timeline.
_SERVER = """
    SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery()
        THEN (SELECT lpad(upper(to_hex(timeline_id)), 8, '0') FROM pg_control_checkpoint())
        ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS id
    FROM pg_control_system()
"""
#: The table and what it is made of, and whether rows of each have versions.
_TABLES = """
    WITH RECURSIVE parts AS (
        SELECT to_regclass($1)::oid AS part
        UNION
        SELECT inhrelid FROM pg_inherits JOIN parts ON inhparent = part
    )
    SELECT part::int8 AS id, relkind IN ('r', 'p', 'm') AS versioned
    FROM parts JOIN pg_class ON oid = part
"""

_TURN = 2**32
#: Beyond this distance ages say nothing: every row counts as new.
_FARTHEST = 2**31 - 2


@dataclass(frozen=True, slots=True)
class Moment:
    """One state of a source table, to be compared with later ones.

    Attributes:
        snapshot: Which transactions it shows.
        server: Whose history the snapshot belongs to: the system identifier and the timeline, which
            a promotion changes. None where the server does not say.
        database: The id of the database.
        tables: The ids of the table and its partitions. A partition attached later brings rows
            that may be older than the snapshot and were still not there.
        taken_at: When, by the server's clock.
    """

    snapshot: Snapshot
    server: str | None
    database: int
    tables: frozenset[int]
    taken_at: datetime

    def is_of(self, other: Moment) -> bool:
        """Whether both are states of the same database, as far as the servers say."""
        servers = {self.server, other.server} - {None}
        return self.database == other.database and len(servers) <= 1

    def follows(self, other: Moment) -> bool:
        """Whether this state has all the changes that the other one has."""
        return self.is_of(other) and self.snapshot.follows(other.snapshot)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The rows of an hour that arrived: how many, their newest transaction, their arrivals."""

    rows: int
    newest: int
    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What one state of a table has that an earlier one may not have.

    Attributes:
        now: The state; None for a source without row versions, such as a view.
        since: The earlier state; None if there is none, and then every row counts as arrived.
        floor: The id from which on rows were counted.
        behind: Whether the state is older than `since`: a standby that has not caught up.
        restarted: Whether `since` is of another history, so that every row counts as arrived.
        hours: Of each hour with such rows, how many and how new.
    """

    now: Moment | None
    since: Moment | None = None
    floor: int = 0
    behind: bool = False
    restarted: bool = False
    hours: Mapping[datetime, Arrived] = field(default_factory=dict)

    def beyond(self, known: Moment | None) -> frozenset[datetime] | None:
        """The hours with rows that `known` does not cover; None if this look cannot say."""
        if self.now is None or self.behind:
            return None
        if known == self.since:
            return frozenset(self.hours)
        if known is None or not self.now.follows(known):
            return None
        floor = known.snapshot.floor(self.now.snapshot)
        if floor < self.floor or not self.now.tables - known.tables <= self.marked:
            return None
        return frozenset(hour for hour, one in self.hours.items() if one.newest >= floor)

    @property
    def marked(self) -> frozenset[int]:
        """The tables that were not there at `since`: their rows count, whatever their age."""
        if self.now is None or self.since is None or self.restarted:
            return frozenset()
        return self.now.tables - self.since.tables


@dataclass(frozen=True, slots=True)
class Look:
    """Where a connection's transaction stands, before it is asked what arrived.

    Attributes:
        now: The state that the transaction sees; None for a source without row versions.
        next_xid: The id next to be given out, from which ages are counted.
        standby: Whether the server follows another one.
    """

    now: Moment | None
    next_xid: int = 0
    standby: bool = False


def server_of(connection: dbapi.Connection) -> str | None:
    """Whose history the server has; None where this user may not ask, or it cannot say.

    Ends the connection's transaction: one that an error broke could not be used on.
    """
    try:
        return str(execute(connection, _SERVER)[0]["id"])
    except dbapi.Error as error:
        if not error.sqlstate:  # the connection is lost
            raise
        return None
    finally:
        connection.rollback()


def look(connection: dbapi.Connection, table: SourceTable, server: str | None) -> Look:
    """The state of a table that the transaction of this connection sees."""
    parts = execute(connection, _TABLES, [table.quoted])
    if not all(part["versioned"] for part in parts):
        return Look(None)
    (found,) = execute(connection, _MOMENT)
    standby = found["standby"]
    snapshot = Snapshot.parse(found["snapshot"], standby=standby)
    shown_below = int(found["snapshot"].split(":")[1])
    next_xid = shown_below + (found["next_xid"] - shown_below) % _TURN
    now = Moment(
        snapshot,
        server,
        found["database"],
        frozenset(part["id"] for part in parts),
        found["taken_at"],
    )
    return Look(now, next_xid, standby)


def arrivals(  # noqa: PLR0913, PLR0917
    connection: dbapi.Connection,
    contract: Contract,
    table: SourceTable,
    seen: Look,
    since: Moment | None,
    hours: HourRange,
) -> Arrivals:
    """What arrived since a moment, by hour, in one pass over the table.

    Args:
        connection: In the transaction of `seen`.
        contract: The stream's contract.
        table: Its table.
        seen: Where the transaction stands.
        since: What is known to be extracted; None counts every row.
        hours: The hours that count.
    """
    if seen.now is None:
        return Arrivals(None, since)
    comparable = since is not None and seen.now.follows(since)
    if since is not None and not comparable and seen.standby and seen.now.is_of(since):
        return Arrivals(seen.now, since, behind=True)
    floor = since.snapshot.floor(seen.now.snapshot) if since is not None and comparable else 0
    if seen.next_xid - floor > _FARTHEST:
        floor = 0
    found = Arrivals(seen.now, since, floor, restarted=since is not None and not comparable)
    sql = (
        "SELECT _placed AS hour, count(*) AS rows, min(_age) AS age, min(_arrived) AS earliest, "  # noqa: S608
        f"max(_arrived) AS latest FROM ({arrived(contract, table, seen, found)}) AS arrived "
        "WHERE _placed >= $1::timestamptz AND _placed < $2::timestamptz GROUP BY _placed"
    )
    rows = execute(connection, sql, [hours.start.isoformat(), hours.end.isoformat()])
    return replace(
        found,
        hours={
            row["hour"].astimezone(UTC): Arrived(
                row["rows"], seen.next_xid - row["age"], row["earliest"], row["latest"]
            )
            for row in rows
        },
    )


def arrived(
    contract: Contract, table: SourceTable, seen: Look, found: Arrivals, also: str = ""
) -> str:
    """SQL for the rows that count as arrived: `_age`, `_placed` (its hour), `_arrived`, `also`."""
    age = f"(age(xmin)::int8 & {_TURN - 1})"
    # The first comparison is all that most rows cost: no column of theirs is even unpacked.
    newer = f"age(xmin) BETWEEN 0 AND {seen.next_xid - found.floor}" if found.floor else "true"
    if unseen := found.marked:
        others = f"tableoid IN ({', '.join(map(str, sorted(unseen)))})"
        age = f"CASE WHEN {others} THEN 0 ELSE {age} END"
        newer = f"({newer} OR {others})"
    placed, arrival = placed_hour(contract, table), arrived_at(contract, table)
    return (
        f"SELECT {age} AS _age, {placed} AS _placed, "  # noqa: S608
        f"{arrival} AS _arrived{also} FROM {table.quoted} WHERE {newer}"
    )
