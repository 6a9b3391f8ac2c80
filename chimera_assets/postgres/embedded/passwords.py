"""The passwords of the embedded server's logins: random, in a file for its user's eyes alone.

The server itself never sees them as text, but for the superuser's when its data is made: it is
given SCRAM verifiers, so that neither its log nor a process list can show one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from typing import TYPE_CHECKING

from chimera_assets.paths import regular_text
from chimera_assets.postgres.embedded.errors import EmbeddedServerError

if TYPE_CHECKING:
    from pathlib import Path

#: Owns the server, and with it the operational database: the machine's owner.
SUPERUSER = "postgres"

#: Owns what is in the platform's database, and is used for its migrations alone.
OWNER = "chimera_owner"

#: Reads and writes in the platform's database, owns nothing, alters nothing.
APPLICATION = "chimera_app"

LOGINS = (SUPERUSER, OWNER, APPLICATION)

_FILE = "passwords.json"
_BYTES = 24
_SALT_BYTES = 16
#: PostgreSQL's own default; what protects these passwords is that they are random.
_ITERATIONS = 4096
_VERIFIER = re.compile(rf"SCRAM-SHA-256\${_ITERATIONS}:([A-Za-z0-9+/=]+)\$", re.ASCII)


def fresh() -> dict[str, str]:
    """A new password for each login."""
    return {login: secrets.token_urlsafe(_BYTES) for login in LOGINS}


def load(root: Path) -> dict[str, str] | None:
    """The password of each login of the server in `root`; None if there is no file of them.

    Raises:
        EmbeddedServerError: The file cannot be read, or does not hold them.
    """
    path = root / _FILE
    try:
        found = json.loads(regular_text(path))
        return {login: str(found[login]) for login in LOGINS}
    except FileNotFoundError:
        return None
    except OSError as error:
        remedy = "remove what is there; the server's next start sets new ones"
        if isinstance(error, PermissionError):
            remedy = "run as the user who made it, or let that user run this"
        raise EmbeddedServerError(root, f"{path.name}: {error.strerror}", remedy) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        remedy = "remove the file while nothing uses the server; its next start sets new ones"
        raise EmbeddedServerError(root, f"{path.name} is damaged", remedy) from None


def keep(root: Path, passwords: dict[str, str]) -> None:
    """Write the file, whole or not at all; it belongs to whoever the server's folder belongs to."""
    draft = root / f"{_FILE}.new"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(passwords, file)
        if os.geteuid() == 0:  # root may be at work in the home of somebody else
            folder = root.stat()
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(root / _FILE)


def is_verifier_of(found: object, password: str) -> bool:
    """Whether what PostgreSQL keeps of a password is a verifier that we made of this one."""
    kept = _VERIFIER.match(str(found))
    if kept is None:
        return False
    return hmac.compare_digest(verifier(password, base64.b64decode(kept[1])), str(found))


def verifier(password: str, salt: bytes | None = None) -> str:
    """What PostgreSQL keeps of a password: a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677)."""
    salt = salt or os.urandom(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
