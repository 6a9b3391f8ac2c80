"""Connections to PostgreSQL through ADBC, with errors that a user can read."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from adbc_driver_postgresql import dbapi

from chimera_assets.postgres.errors import QUERY_CANCELED, DatabaseError
from chimera_assets.transient import TRANSIENT_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
_CONNECT_SECONDS = "10"

_LOST = re.compile(
    r"connection|closed|conflict with recovery|SSL|starting up|shutting down", re.IGNORECASE
)
#: SQLSTATE -> remedy; `{url}` is the setting that names the database.
_REMEDIES = {
    "28": "check {url}: user and password",
    "3D": "check {url}: the name of the database, or make it with createdb",
    "42501": "grant the user SELECT on the table",
    QUERY_CANCELED: "the server cancelled the statement; raise its statement_timeout for this user",
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


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and what to say of it when it fails.

    Attributes:
        url: `postgresql://user:password@host:port/database`, or any other URL that libpq takes.
        setting: What the user has to check if the URL is wrong: the setting that gave it.
        error: The class of its errors.
    """

    url: str = field(repr=False)
    setting: str = "the database's URL"
    error: type[DatabaseError] = DatabaseError

    @contextmanager
    def connect(self, *, autocommit: bool = False) -> Iterator[dbapi.Connection]:
        """A connection, closed at the end; without autocommit its transaction is rolled back then.

        Raises:
            DatabaseError: The URL cannot be used, or the database cannot be reached or refuses.
        """
        with closing(self.open(autocommit=autocommit)) as connection, self.explained():
            yield connection

    def open(self, *, autocommit: bool = False) -> dbapi.Connection:
        """A connection that the caller closes.

        Raises:
            DatabaseError: The URL cannot be used, or the database cannot be reached or refuses.
        """
        try:
            return dbapi.connect(self._normal_url(), autocommit=autocommit)
        except dbapi.Error as error:
            raise self._connect_error(error) from None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the driver's errors into a `DatabaseError` of one line."""
        try:
            yield
        except dbapi.Error as error:
            state = error.sqlstate or ""
            found = [code for code in _REMEDIES if state.startswith(code)]
            raise self.error(
                describe(self.url),
                _reason(self.url, error),
                remedy=self._remedy(found[0]) if found else "see the server's log",
                transient=state.startswith(TRANSIENT_STATES) or (not state and _is_lost(error)),
                sqlstate=state or None,
            ) from None

    @contextmanager
    def explained_stream(self) -> Iterator[None]:
        """The same for reading on in a stream: pyarrow gives libpq's words, and no SQLSTATE."""
        try:
            with self.explained():
                yield
        except OSError as error:
            raise self.error(
                describe(self.url),
                _reason(self.url, error),
                remedy="the stream broke off; run it again once the server's log is clear",
                transient=_is_lost(error),
            ) from None

    def _remedy(self, code: str) -> str:
        return _REMEDIES[code].format(url=self.setting)

    def _normal_url(self) -> str:
        """The URL as libpq takes it, with a limit on how long connecting may take."""
        if not _SCHEME.match(self.url):
            raise self.error(
                self.setting,
                "expected postgresql://user:password@host:port/database, found something else",
                remedy="write it in that form",
            )
        # SQLAlchemy's postgresql+psycopg2:// is fine, too.
        address, _, query = _SCHEME.sub("postgresql://", self.url).partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        options.setdefault("connect_timeout", _CONNECT_SECONDS)
        return f"{address}?{urlencode(options, quote_via=quote)}"

    def _connect_error(self, error: dbapi.Error) -> DatabaseError:
        where, reason = describe(self.url), _reason(self.url, error)
        kinds = [code for words, code in _CONNECT_REMEDIES.items() if re.search(words, reason)]
        # A URL that libpq cannot take apart fails the same way every time, and its words may quote
        # a piece of a password that was not percent-encoded.
        if "connection to server" not in reason and "translate host name" not in reason:
            return self.error(
                where if "@" not in where.partition("@")[2] else "PostgreSQL",
                "the URL cannot be used",
                remedy=f"check {self.setting}: percent-encode special characters in user and "
                "password",
            )
        if kinds:
            return self.error(where, reason, remedy=self._remedy(kinds[0]))
        remedy = f"is the server up, and reachable from here? Else check {self.setting}"
        return self.error(where, reason, remedy=remedy, transient=True)


def execute(
    connection: dbapi.Connection, sql: str, parameters: Sequence[object] | None = None
) -> list[dict[str, Any]]:
    """Run one statement and return its rows, if it gives any, as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table().to_pylist() if cursor.description else []


def _is_lost(error: Exception) -> bool:
    return _LOST.search(str(error)) is not None


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
