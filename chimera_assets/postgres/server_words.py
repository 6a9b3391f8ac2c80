"""What a PostgreSQL server says of a failure, without values of rows.

Its message quotes a value that it cannot convert, its DETAIL a whole row that broke a constraint,
its CONTEXT pieces of data; and a function in the database may raise any text.
"""

from __future__ import annotations

import re

from chimera_assets.row_values import NOT_SHOWN

#: Classes of SQLSTATE whose messages are of statements, names, rights, limits and the server.
_OPEN_CLASSES = ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
#: Class of constraints: the message names them, the rest quotes rows.
_CONSTRAINTS = "23"

#: SQLSTATE of a character that cannot be converted, whose bytes the message quotes.
_NO_EQUIVALENT = "22P05"
_CHARACTER = re.compile(
    r'character with byte sequence .* in encoding "(?P<own>\w+)" '
    r'has no equivalent in encoding "(?P<wanted>\w+)"'
)

#: What stands behind the message itself and may quote rows.
_BEHIND = re.compile(r"\n\s*(DETAIL|CONTEXT):.*", re.DOTALL)
#: How messages begin that go on with a value.
_BEFORE_VALUE = re.compile(
    r"(invalid input syntax for type [a-z][a-z ]*[a-z]|invalid input value for enum [\w.]+"
    r"|malformed \w+ literal|date/time field value out of range|division by zero"
    r"|numeric field overflow|(integer|bigint|smallint) out of range|invalid regular expression)"
    r"(?=[:\s]|$)"
)
#: A stream that breaks off has no SQLSTATE; these are messages of the server and the connection.
_OF_SERVER = re.compile(
    r"terminating connection|canceling statement|the database system|server closed the connection"
    r"|could not (receive|send|read|write|open|extend|access|resize)|no connection to the server"
    r"|connection to server|SSL |out of (shared )?memory|permission denied|statement timeout",
)


def server_words(message: str, state: str = "") -> str:
    """The server's message without values of rows.

    Args:
        message: What the server or libpq said, without the driver's wrapping.
        state: The SQLSTATE; empty if there is none.
    """
    if state.startswith(_OPEN_CLASSES) or (not state and _OF_SERVER.match(message)):
        return _BEHIND.sub("", message)
    if state == _NO_EQUIVALENT and (begin := _CHARACTER.match(message)):
        return f"a character in encoding {begin['own']} has no equivalent in {begin['wanted']}"
    if state.startswith(_CONSTRAINTS):
        return message.partition("\n")[0]
    begin = _BEFORE_VALUE.match(message)
    return f"{begin[0]}; the value is not shown" if begin else f"the server's message {NOT_SHOWN}"
