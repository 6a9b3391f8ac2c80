"""Changes of contracts and settings, noticed by the next run or command that uses them.

Both are files and variables that anybody can change without us. So what a run or command finds is
compared with the newest entry of it in the log, which nobody can change unseen, and an entry names
what differs: a contract's version and the hash of its file, a setting's value; of a secret only
that it changed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Any

from chimera_assets.audit.details import clean
from chimera_assets.audit.log import AuditError, NewEntry
from chimera_assets.errors import ChimeraError
from chimera_assets.settings import PREFIX, SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chimera_assets.access.principal import Principal
    from chimera_assets.audit.log import AuditLog
    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.platform.session import Session
    from chimera_assets.settings import Settings

_CONTRACT, _SETTING = "contract.change", "setting.change"
_SECRET_NAMES = frozenset(PREFIX + name.upper() for name in SECRETS)

#: Settings that change nothing of data or access; `chimera up` sets its own.
_LEFT_OUT = frozenset({"ui_url"})

#: Any two processes that notice the same change at once make one entry of it.
_LOCK = "SELECT pg_advisory_xact_lock(4811205)"
#: By the index `configuration_changes`, whatever else the log holds.
_SEEN = """
    SELECT newest.action, newest.resource, details::jsonb -> 'after' AS after
    FROM (
        SELECT DISTINCT ON (action, resource) action, resource, sequence
        FROM ONLY audit.entries
        WHERE action IN ('contract.change', 'setting.change') AND failure_of IS NULL
        ORDER BY action, resource, sequence DESC
    ) AS newest JOIN ONLY audit.details USING (sequence)
"""

#: Of a secret so much of a keyed hash is kept: a change is missed once in 65,536 times, and nobody
#: can find out by it which of many guesses is right.
_CHECK_BYTES = 2
_SEAL = "seal"

_Key = tuple[str, str]
_Found = dict[_Key, Any]


def record_changes(
    log: AuditLog,
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    actor: Principal,
    run_id: str | None = None,
) -> None:
    """Write an entry for each contract and setting that is not what it was when last seen.

    Args:
        log: The audit log.
        settings: The settings in force.
        contracts: The contracts in force.
        actor: Who runs what noticed it; who made the change is not known here.
        run_id: The run or command.

    Raises:
        AuditError: The log cannot be written.
    """
    try:
        with log.database.transaction() as session:
            if not any(_changes(_seen(session), settings, contracts)):
                return
        with log.database.transaction() as session:
            session.execute(_LOCK)
            seen = _seen(session)
            for (action, name), now in _changes(seen, settings, contracts):
                before = seen.get((action, name))
                if before is not None and _SEAL in before:
                    before = None
                entry = NewEntry(action, name, actor, before, now, "noticed", run_id)
                log.write(session, entry)
    except ChimeraError as error:
        what = "changes of contracts and settings"
        raise AuditError(what, error) from error


def _seen(session: Session) -> _Found:
    rows = session.execute(_SEEN).fetchall()
    return {(row["action"], row["resource"]): row["after"] for row in rows if row["after"]}


def _changes(
    seen: _Found, settings: Settings, contracts: Mapping[str, Contract]
) -> Iterator[tuple[_Key, Any]]:
    """What differs from what was seen: its key and what it is now, None if it is no more."""
    found = dict(_contracts(contracts.values())) | dict(_settings(settings))
    for key, now in found.items():
        if key[1] in _SECRET_NAMES:
            if not _is_same_secret(seen.get(key), now["value"]):
                yield key, _sealed(now["value"])
        elif seen.get(key) != now:
            yield key, now
    for key in seen.keys() - found.keys():
        yield key, None


def _contracts(contracts: Iterable[Contract]) -> Iterator[tuple[_Key, Any]]:
    for contract in contracts:
        files = [contract.path, *([contract.adapter] if contract.adapter is not None else [])]
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        version = clean(contract.version)  # as the log keeps it
        yield (_CONTRACT, contract.stream), {"version": version, "sha256": digest}


def _settings(settings: Settings) -> Iterator[tuple[_Key, dict[str, str]]]:
    """Every setting that somebody set; one that is not set has no record."""
    for name in settings.model_fields_set - _LEFT_OUT:
        text = str(getattr(settings, name))
        known = text if name in SECRETS else clean(text)
        yield (_SETTING, PREFIX + name.upper()), {"value": known}


def _sealed(secret: str) -> dict[str, str]:
    salt = os.urandom(16)
    return {"value": "changed", _SEAL: f"{salt.hex()}:{_check(salt, secret)}"}


def _is_same_secret(seen: object, secret: str) -> bool:
    """Whether a secret is the one that was seen; not, too, if what is kept of that is damaged."""
    match seen:
        case {"seal": str(seal)}:
            salt, _, check = seal.partition(":")
            try:
                now = _check(bytes.fromhex(salt), secret)
            except ValueError:
                return False
            return hmac.compare_digest(now.encode(), check.encode())
        case _:
            return False


def _check(salt: bytes, secret: str) -> str:
    return hmac.digest(salt, secret.encode("utf-8", "replace"), "sha256")[:_CHECK_BYTES].hex()
