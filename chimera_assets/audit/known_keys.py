"""The public keys of the log beside the lake: of all that ever signed, one a line.

By itself such a file proves nothing: an auditor has the keys from elsewhere. What the entries say
of each key, that it was made and when, is in the log.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chimera_assets.audit.publishing import last_published
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.keys import VerifierKey
from chimera_assets.audit.tlog.signing import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.audit.signing_keys import SigningKeys
    from chimera_assets.lake.objects import Objects
    from chimera_assets.postgres.platform.session import Session

_FILE = "keys"
_ADDED = """
    SELECT details FROM ONLY audit.entries JOIN ONLY audit.details USING (sequence)
    WHERE action = 'key.add' AND failure_of IS NULL
"""


def put_keys(store: Objects, keys: SigningKeys) -> None:
    """Add the keys that sign now to the file."""
    known = _lines(store)
    new = [str(key) for key in keys.verifiers if str(key) not in known]
    if new:
        store.put(_FILE, "".join(f"{line}\n" for line in [*known, *new]).encode())


def log_keys(session: Session, store: Objects, keys: SigningKeys | None) -> list[VerifierKey]:
    """The keys of the log: those that sign now, and earlier ones that an entry speaks of.

    An entry's word counts only where a key that signs now has signed the log: it is the log that is
    to be judged.
    """
    now = list(keys.verifiers) if keys is not None else []
    if not _newest_is_by(session, now):
        return now
    said = "".join(row["details"] for row in session.execute(_ADDED).fetchall())
    for line in _lines(store):
        try:
            key = VerifierKey.parse(line)
        except TransparencyError:
            continue  # not by us; a signature that needs it will have no key
        if key not in now and hashlib.sha256(key.public).hexdigest() in said:
            now.append(key)
    return now


def _newest_is_by(session: Session, keys: Sequence[VerifierKey]) -> bool:
    """Whether one of these keys has signed the newest checkpoint."""
    try:
        newest = last_published(session)
        return newest is not None and bool(verify(newest.note, keys))
    except TransparencyError:
        return False


def _lines(store: Objects) -> list[str]:
    try:
        return store.read(_FILE).decode("utf-8", "replace").split("\n")[:-1]
    except FileNotFoundError:
        return []
