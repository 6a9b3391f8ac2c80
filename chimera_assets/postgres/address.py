"""Where a database is, which setting said so, and what its failures mean to a user.

This is the same for every driver. No text made here holds a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from chimera_assets.postgres.errors import QUERY_CANCELED, DatabaseError
from chimera_assets.postgres.server_words import server_words
from chimera_assets.transient import TRANSIENT_STATES

_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
_CONNECT_SECONDS = "10"
_PARAMETER = re.compile(r"[a-z][a-z_]*")
#: A password of as many characters, not all of them letters, is not by chance in a message.
_TELLING = 6

_LOST = re.compile(
    r"connection|closed|conflict with recovery|SSL|starting up|shutting down", re.IGNORECASE
)
#: SQLSTATE of a statement that waited too long for a lock; nothing else can mend that.
_LOCK_TIMEOUT = "55P03"
#: SQLSTATE of a statement that writes where nothing may be written, whatever it is.
_READ_ONLY = "25006"
#: SQLSTATE of a character that the server cannot write in UTF-8.
_NO_EQUIVALENT = "22P05"
#: What the server says of row level security, where it may not hide rows: the SQLSTATE is 42501.
_HIDES_ROWS = re.compile(r"would be affected by row-level security policy")
_SHOW_ALL_ROWS = (
    "it would show this user a part of the rows only, and hours would lack the others: "
    "ALTER ROLE ... BYPASSRLS for this user, or read it through a view of the table's owner"
)
#: How what has a SQLSTATE elsewhere is worded by a stream or connection that breaks off.
_STATES_IN_WORDS = {
    "canceling statement due to (statement timeout|user request)": QUERY_CANCELED,
    "due to idle-in-transaction timeout": "25P03",
    "due to transaction timeout": "25P04",
    "has no equivalent in encoding": _NO_EQUIVALENT,
    "row-level security policy": "42501",
}
#: SQLSTATE -> remedy; `{url}` is the setting that names the database.
_REMEDIES = {
    _READ_ONLY: "check {url}: is it a standby? Else ALTER ROLE ... RESET "
    "default_transaction_read_only for this user; the embedded server's next process does that",
    "28": "check {url}: user and password",
    "3D": "check {url}: the name of the database, or make it with createdb",
    _NO_EQUIVALENT: "correct the text at the source, or read the table through a view that does",
    "25P03": "raise its idle_in_transaction_session_timeout for this user",
    "25P04": "raise its transaction_timeout for this user",
    "57P05": "raise its idle_session_timeout for this user",
    "42501": "grant the user SELECT on the table, or CREATE on the schema if tables are to be made",
    _LOCK_TIMEOUT: "another session holds the lock: pg_locks and pg_stat_activity there show "
    "which; end it, or run this again",
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
        if "@" in parts.path + parts.fragment:
            # Some character of the password was not percent-encoded, and all of it may be anywhere.
            return "PostgreSQL"
        query = dict(parse_qsl(parts.query))
        host = query.get("host") or parts.hostname or "localhost"
        port = query.get("port") or parts.port
        user = f"{parts.username}@" if parts.username else ""
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL {user}{host}{f':{port}' if port else ''}{unquote(parts.path)}"


def split_password(url: str) -> tuple[str, str | None]:
    """A URL without its password, and the password; for what others can see.

    Raises:
        ValueError: Some character in it is not percent-encoded, so that nobody can tell its parts.
    """
    parts = urlsplit(_SCHEME.sub("postgresql://", url))
    if not _SCHEME.match(url) or "@" in parts.path + parts.fragment:
        msg = "its parts cannot be told apart"
        raise ValueError(msg)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    asked = options.pop("password", None)
    login, at, host = parts.netloc.rpartition("@")
    netloc = login.partition(":")[0] + at + host
    query = urlencode(options, quote_via=quote, safe="/")
    password = unquote(parts.password) if parts.password is not None else asked
    return parts._replace(netloc=netloc, query=query).geturl(), password


def _state_in(message: str) -> str:
    """The SQLSTATE that a message without one speaks of; empty if it is none of those known."""
    return next(
        (state for words, state in _STATES_IN_WORDS.items() if re.search(words, message)), ""
    )


def is_lost(error: Exception) -> bool:
    """Whether a driver's error is about a connection that is gone, which has no SQLSTATE."""
    return _LOST.search(str(error)) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and what to say of it when it fails.

    Attributes:
        url: `postgresql://user:password@host:port/database`, or any other URL that libpq accepts.
        setting: What the user has to check if the URL is wrong: the setting that gave it.
        error: The class of its errors.
    """

    url: str = field(repr=False)
    setting: str = "the database's URL"
    error: type[DatabaseError] = DatabaseError

    def normal_url(self, further_options: str = "") -> str:
        """The URL for libpq, with a limit on how long connecting may take.

        Args:
            further_options: Options for the session, as `postgres` takes them, beside its own.

        Raises:
            DatabaseError: It is no PostgreSQL URL.
        """
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
        if further_options:
            options["options"] = f"{options.get('options', '')} {further_options}".strip()
        return f"{address}?{urlencode(options, quote_via=quote)}"

    def connect_error(self, message: str) -> DatabaseError:
        """The error of a connection that was not made.

        Args:
            message: What libpq said, without the driver's wrapping.
        """
        where, reason = describe(self.url), self._without_password(message)
        kinds = [code for words, code in _CONNECT_REMEDIES.items() if re.search(words, reason)]
        # A URL that libpq cannot parse fails the same way every time, and its words may quote
        # a piece of a password that was not percent-encoded.
        if "invalid URI query parameter" in reason:
            name = reason.partition('"')[2].partition('"')[0]
            # A ? in a password that is not percent-encoded makes a parameter of what follows it.
            told = "@" not in self.url.partition("?")[2] and _PARAMETER.fullmatch(name)
            known = (
                f"the parameter {name}" if told and where != "PostgreSQL" else "such a parameter"
            )
            return self.error(
                where,
                f"no connection has {known}",
                remedy=f"check what follows the ? of {self.setting}",
            )
        if not re.search("connection to server|translate host name|resolve host", reason):
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

    def statement_error(
        self, message: str, state: str, *, lost: bool = False, remedy: str | None = None
    ) -> DatabaseError:
        """The error of a statement that failed.

        Args:
            message: What the server or libpq said, without the driver's wrapping.
            state: The SQLSTATE; empty if there is none, as when the connection was lost.
            lost: Whether the connection seems to be lost; see `is_lost`.
            remedy: What to do about it, where more is known than the SQLSTATE says.
        """
        known = state or _state_in(message)
        found = [code for code in _REMEDIES if known.startswith(code)]
        if _HIDES_ROWS.search(message):
            remedy = _SHOW_ALL_ROWS
        if state in {_LOCK_TIMEOUT, _READ_ONLY}:
            remedy = None
        return self.error(
            describe(self.url),
            self._without_password(server_words(message, state)),
            remedy=remedy or (self._remedy(found[0]) if found else "see the server's log"),
            transient=state.startswith(TRANSIENT_STATES) or (not state and lost),
            sqlstate=state or None,
        )

    def stream_error(self, message: str, *, lost: bool) -> DatabaseError:
        """The error of a result that broke off while it was read; its SQLSTATE is in its words."""
        if state := _state_in(message):
            return self.statement_error(message, state, lost=lost)
        return self.error(
            describe(self.url),
            self._without_password(server_words(message)),
            remedy="the stream broke off; run it again once the server's log is clear",
            transient=lost,
        )

    def _remedy(self, code: str) -> str:
        return _REMEDIES[code].format(url=self.setting)

    def _without_password(self, message: str) -> str:
        text = " ".join(message.split()).rstrip(". ")
        try:
            password = urlsplit(self.url).password
        except ValueError:
            password = None
        for secret in {password, unquote(password)} if password else ():
            text = _masked(text, secret)
        return text


def _masked(text: str, secret: str) -> str:
    """A text without a password.

    A short one, or one that is a word, is masked only where it stands as a password does: found
    anywhere else, it is the message's own.
    """
    if len(secret) >= _TELLING and not secret.isalpha():
        return text.replace(secret, "***")
    return re.sub(rf"(?<=[:='\"]){re.escape(secret)}(?=[@'\"\s]|$)", "***", text)
