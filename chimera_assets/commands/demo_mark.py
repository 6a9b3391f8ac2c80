"""Whose rows are in the operational database: the demo's, somebody's, or nobody's.

The demo leaves a mark, a comment on the first of the streams' tables that names the lake it filled.
So it can be run again, and never adds its rows to anybody's own, in the database or in the lake.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.active import pack_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import open_lake
from chimera_assets.layers import RAW, STAGED
from chimera_assets.packs import active_packs
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.connection import execute
from chimera_assets.settings import get_settings
from chimera_assets.sources.database import connect

if TYPE_CHECKING:
    from chimera_assets.postgres.connection import Connection

_LAYERS = (RAW, STAGED)
_MARK = "chimera demo for "

_COMMENT = "SELECT obj_description(to_regclass($1)) AS comment"
#: The name as the server quotes it; null if there is no such table.
_RELATION = "SELECT to_regclass($1)::text AS relation"
_QUOTE = "SELECT quote_literal($1) AS quoted"


def require_ours(url: str, *, lake: bool) -> None:
    """Refuse a database or a lake with rows that the demo did not make.

    Args:
        url: The operational database.
        lake: Whether the lake will be written, too.

    Raises:
        ArgumentError: There are such rows.
        SourceError: The database cannot be reached.
    """
    with connect(url) as connection:
        mark = _mark(connection)
        full = [name for name in _tables() if mark is None and _has_rows(connection, name)]
    if full:
        other = (
            "Give another CHIMERA_HOME"
            if get_settings().source_database_url is None
            else "Unset CHIMERA_SOURCE_DATABASE_URL for the embedded database"
        )
        msg = (
            f"{describe(url)}: its tables {', '.join(full)} hold rows that the demo did not make; "
            f"expected empty ones. {other}, or give --force to add simulated rows to these"
        )
        raise ArgumentError(msg)
    here = open_lake()
    if lake and mark != here.uri and _has_extracted():
        msg = (
            f"{here.uri}: the lake holds rows that the demo did not make, and hours would be "
            "replaced. Give another CHIMERA_LAKE_URI or CHIMERA_HOME, or --force to replace them"
        )
        raise ArgumentError(msg)


def leave(url: str, *, lake: bool) -> None:
    """Mark the rows of the database as the demo's own."""
    with connect(url) as connection:
        marked = _mark(connection)
        uri = open_lake().uri if lake else marked or ""
        quoted = execute(connection, _QUOTE, (_MARK + json.dumps(uri),))[0]["quoted"]
        # COMMENT has no parameters; the text was quoted by the server.
        for relation in filter(None, (_relation(connection, name) for name in _tables())):
            execute(connection, f"COMMENT ON TABLE {relation} IS {quoted}")
            break
        connection.commit()


def _mark(connection: Connection) -> str | None:
    """The lake that the demo filled from this database; None if these are not its rows."""
    for name in _tables():
        comment: Any = execute(connection, _COMMENT, (name,))[0]["comment"]
        if comment is not None and str(comment).startswith(_MARK):
            return str(json.loads(str(comment).removeprefix(_MARK)))
    return None


def _relation(connection: Connection, table: str) -> str | None:
    relation: str | None = execute(connection, _RELATION, (table,))[0]["relation"]
    return relation


def _has_rows(connection: Connection, table: str) -> bool:
    relation = _relation(connection, table)
    if relation is None:
        return False
    sql = f"SELECT EXISTS (SELECT FROM {relation}) AS found"  # noqa: S608 - quoted by the server
    return bool(execute(connection, sql)[0]["found"])


def _tables() -> list[str]:
    """The operational tables of the streams of the packs."""
    found = pack_contracts(active_packs())
    streams = {name: one for _, contracts in found for name, one in contracts.items()}
    names = [
        streams[name].source_table for name in sorted(streams) if streams[name].kind == "stream"
    ]
    if not names:
        msg = "the packs: expected one with a stream, found none; see CHIMERA_PACKS"
        raise ArgumentError(msg)
    return names


def _has_extracted() -> bool:
    """Whether the lake has rows that were extracted from a source."""
    lake = open_lake()
    return any(lake.table(layer, name).count() for layer, name in lake.tables() if layer in _LAYERS)
