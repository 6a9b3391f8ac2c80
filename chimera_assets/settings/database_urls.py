"""What a database's URL has to look like, seen when the settings are read; never shown."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from chimera_assets.errors import SettingError

_SCHEME = re.compile(r"postgres(ql)?(\+\w+)?://")
#: What is said in place of a value of `SECRETS`.
UNSHOWN = "a value that is not shown, as it may hold a password"


def require_postgres_url(variable: str, value: str) -> None:
    """See that a URL can be one of PostgreSQL's; several hosts, parted by commas, can, too.

    Raises:
        SettingError: It cannot.
    """
    if not _SCHEME.match(value):
        why = "it does not begin with postgresql://"
    elif not has_parts(value):
        why = "its parts cannot be told apart: are special characters in it percent-encoded?"
    else:
        return
    raise SettingError(
        variable,
        expected="postgresql://user:password@host:port/database",
        found=f"{UNSHOWN} ({why})",
    )


def has_parts(value: str) -> bool:
    """Whether it is plain what of a URL is the password; of a second @ readers differ."""
    try:
        parts = urlsplit(value)
        parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        if "," not in parts.netloc:
            _ = parts.port
    except ValueError:
        return False
    return "@" not in parts.path + parts.fragment and parts.netloc.count("@") <= 1
