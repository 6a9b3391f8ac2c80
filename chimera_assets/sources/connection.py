"""Connections to the operational database, through ADBC, with errors that a user can read."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from adbc_driver_postgresql import dbapi

from chimera_assets.sources.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
_CONNECT_SECONDS = "10"
_CHECK_URL = "check CHIMERA_SOURCE_DATABASE_URL"

#: SQLSTATE classes and codes after which the same work may succeed: connection lost, out of memory
#: or connections, server going down or not yet up, serialisation, cancelled by a standby's
#: recovery. Not a full disk, which nobody empties in a minute, nor a dropped database.
_TRANSIENT = ("08", "53200", "53300", "57P01", "57P02", "57P03", "57P05", "40")
_LOST = re.compile(
    r"connection|closed|conflict with recovery|SSL|starting up|shutting down", re.IGNORECASE
)
_REMEDIES = {
    "28": f"{_CHECK_URL}: user and password",
    "3D": f"{_CHECK_URL}: the name of the database, or make it with createdb",
    "42501": "grant the user SELECT on the table",
    "57014": "the server cancelled the statement; raise its statement_timeout for this user",
}
#: What libpq says in words, as it gives no SQLSTATE when it cannot connect.
_CONNECT_REMEDIES = {
    r"password|role .* does not exist|pg_hba|authentication": "28",
    r"database .* does not exist": "3D",
}


def describe(url: str) -> str:
    """The database in words that may be logged: user, host, port and name, never a password."""
    if not _SCHEME.match(url):
        return "PostgreSQL"
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        host = query.get("host") or parts.hostname or "localhost"
        port = query.get("port") or parts.port
        user = f"{parts.username}@" if parts.username else ""
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL {user}{host}{f':{port}' if port else ''}{unquote(parts.path)}"


@contextmanager
def connect(url: str, *, autocommit: bool = False) -> Iterator[dbapi.Connection]:
    """A connection, closed at the end; without autocommit its transaction is rolled back then.

    Raises:
        SourceError: The URL cannot be used, or the database cannot be reached or refuses.
    """
    with closing(open_connection(url, autocommit=autocommit)) as connection, explained(url):
        yield connection


def open_connection(url: str, *, autocommit: bool = False) -> dbapi.Connection:
    """A connection that the caller closes.

    Raises:
        SourceError: The URL cannot be used, or the database cannot be reached or refuses.
    """
    try:
        return dbapi.connect(_normal(url), autocommit=autocommit)
    except dbapi.Error as error:
        raise _connect_error(url, error) from None


def execute(
    connection: dbapi.Connection, sql: str, parameters: Sequence[object] | None = None
) -> list[dict[str, Any]]:
    """Run one statement and return its rows, if it gives any, as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table().to_pylist() if cursor.description else []


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn the driver's errors into a `SourceError` of one line."""
    try:
        yield
    except dbapi.Error as error:
        state = error.sqlstate or ""
        found = [text for code, text in _REMEDIES.items() if state.startswith(code)]
        raise SourceError(
            describe(url),
            _reason(url, error),
            remedy=found[0] if found else "see the server's log",
            transient=state.startswith(_TRANSIENT) or (not state and _is_lost(error)),
        ) from None


@contextmanager
def explained_stream(url: str) -> Iterator[None]:
    """The same for reading on in a stream: pyarrow gives libpq's words, and no SQLSTATE."""
    try:
        with explained(url):
            yield
    except OSError as error:
        raise SourceError(
            describe(url),
            _reason(url, error),
            remedy="the stream broke off; run it again once the server's log is clear",
            transient=_is_lost(error),
        ) from None


def _is_lost(error: Exception) -> bool:
    return _LOST.search(str(error)) is not None


def _normal(url: str) -> str:
    """The URL as libpq takes it, with a limit on how long connecting may take."""
    if not _SCHEME.match(url):
        raise SourceError(
            where="CHIMERA_SOURCE_DATABASE_URL",
            problem="expected postgresql://user:password@host:port/database, found something else",
            remedy="write it in that form",
        )
    plain = _SCHEME.sub("postgresql://", url)  # SQLAlchemy's postgresql+psycopg2:// is fine, too
    address, _, query = plain.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    options.setdefault("connect_timeout", _CONNECT_SECONDS)
    return f"{address}?{urlencode(options, quote_via=quote)}"


def _connect_error(url: str, error: dbapi.Error) -> SourceError:
    reason = _reason(url, error)
    kinds = [code for words, code in _CONNECT_REMEDIES.items() if re.search(words, reason)]
    # A URL that libpq cannot take apart fails the same way every time, and its words may quote
    # a piece of a password that was not percent-encoded.
    if "connection to server" not in reason and "translate host name" not in reason:
        return SourceError(
            describe(url) if "@" not in describe(url).partition("@")[2] else "PostgreSQL",
            "the URL cannot be used",
            remedy=f"{_CHECK_URL}: percent-encode special characters in user and password",
        )
    if kinds:
        return SourceError(describe(url), reason, remedy=_REMEDIES[kinds[0]])
    remedy = f"is the server up, and reachable from here? Else {_CHECK_URL}"
    return SourceError(describe(url), reason, remedy=remedy, transient=True)


def _reason(url: str, error: Exception) -> str:
    """The driver's message in one line, without its wrapping and without the password."""
    text = re.sub(r"Query was:.*", "", str(error), flags=re.DOTALL)
    text = re.sub(
        r"^.*?(\[libpq\] )?(Failed to connect: |(ERROR|FATAL): +)", "", text, flags=re.DOTALL
    )
    text = " ".join(text.split()).rstrip(". ")
    try:
        password = urlsplit(url).password
    except ValueError:
        password = None
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(secret, "***")
    return text
