"""Connections that share what the driver has learned of a server's types.

For each database that the driver is given it reads the server's types, of which each table is one:
that takes ten times as long as connecting, and longer with every table. Here it reads them once,
and again when they are others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import adbc_driver_manager
import adbc_driver_postgresql
from adbc_driver_manager.dbapi import _SharedDatabase
from adbc_driver_postgresql import dbapi

#: Databases of which the types are kept; a process seldom needs more than one.
_MOST = 4

#: Whether names come unquoted, by which the driver finds types, and which types there are.
_TYPES = """
    SELECT pg_catalog.current_setting('quote_all_identifiers') = 'off' AS plain,
        pg_catalog.count(*) AS types, pg_catalog.sum(oid::pg_catalog.int8)::pg_catalog.text AS which
    FROM pg_catalog.pg_type
"""


@dataclass(frozen=True, slots=True)
class _Learned:
    """A database as the driver knows it.

    Attributes:
        database: What connections share. It holds no connection of its own.
        types: What `_TYPES` gave when it was learned.
    """

    database: _SharedDatabase
    types: tuple[object, ...]


_learned: OrderedDict[str, _Learned] = OrderedDict()
_lock = threading.Lock()


def connected(url: str, *, autocommit: bool) -> dbapi.Connection | None:
    """A new connection; None if the server quotes all names for such connections.

    Raises:
        dbapi.Error: The database cannot be reached, or refuses.
    """
    with _lock:
        known = _learned.get(url)
        shared = known.database.clone() if known else None
    if known is not None and shared is not None:
        connection, types = _opened(shared, autocommit=autocommit)
        if types == known.types:
            return connection
        connection.close()
    shared = _SharedDatabase(adbc_driver_postgresql.connect(url))
    connection, types = _opened(shared, autocommit=autocommit)
    if types[0] is not True:
        connection.close()
        return None
    _keep(url, _Learned(connection._db.clone(), types))  # noqa: SLF001 - its own
    return connection


def _opened(
    shared: _SharedDatabase, *, autocommit: bool
) -> tuple[dbapi.Connection, tuple[object, ...]]:
    """A connection to a database, whose use ends with the connection's, and the types there are."""
    try:
        opened = adbc_driver_manager.AdbcConnection(shared._db)  # noqa: SLF001 - its own
        connection = dbapi.Connection(shared, opened, autocommit=autocommit)
    finally:
        shared.close()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TYPES)
            (row,) = cursor.fetch_arrow_table().to_pylist()
        if not autocommit:
            connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection, tuple(row.values())


def _keep(url: str, learned: _Learned) -> None:
    with _lock:
        before = _learned.pop(url, None)
        _learned[url] = learned
        no_more = [before] if before else []
        while len(_learned) > _MOST:
            no_more.append(_learned.popitem(last=False)[1])
    for one in no_more:
        one.database.close()
