"""Changes of contracts and settings, noticed by the next run or command that uses them.

Both are files and variables that anybody can change without us. So what a run or command finds is
compared with what was last seen, and an entry names what differs: a contract's version and the hash
of its file, a setting's value. Of a secret it is only recorded that it changed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING, Any

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

_CONTRACT, _SETTING, _SECRET = "contract", "setting", "secret"

#: Settings that change nothing of data or access; `chimera up` sets its own.
_LEFT_OUT = frozenset({"ui_url"})

#: Any two processes that notice the same change at once make one entry of it.
_LOCK = "SELECT pg_advisory_xact_lock(4811205)"
_SEEN = "SELECT kind, name, value FROM platform.configuration WHERE value IS NOT NULL"
_KEEP = """
    INSERT INTO platform.configuration (kind, name, value) VALUES (%s, %s, %s::jsonb)
    ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value, seen_at = now()
"""

#: Of a secret so much of a keyed hash is kept: a change is missed once in 65,536 times, and nobody
#: can find out by it which of many guesses is right.
_CHECK_BYTES = 2

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
            for (kind, name), now in _changes(seen, settings, contracts):
                before, after = _shown(kind, seen.get((kind, name)), now)
                action = f"{_SETTING if kind == _SECRET else kind}.change"
                entry = NewEntry(action, name, actor, before, after, "noticed", run_id)
                log.write(session, entry)
                session.execute(_KEEP, (kind, name, json.dumps(now) if now is not None else None))
    except ChimeraError as error:
        what = "changes of contracts and settings"
        raise AuditError(what, error) from error


def _seen(session: Session) -> _Found:
    rows = session.execute(_SEEN).fetchall()
    return {(row["kind"], row["name"]): row["value"] for row in rows}


def _changes(
    seen: _Found, settings: Settings, contracts: Mapping[str, Contract]
) -> Iterator[tuple[_Key, Any]]:
    """What differs from what was seen: its key and what it is now, None if it is no more."""
    found = dict(_contracts(contracts.values())) | dict(_settings(settings))
    for key, now in found.items():
        if key[0] == _SECRET:
            if not _is_same_secret(seen.get(key), now):
                yield key, _sealed(now)
        elif seen.get(key) != now:
            yield key, now
    for key in seen.keys() - found.keys():
        yield key, None


def _contracts(contracts: Iterable[Contract]) -> Iterator[tuple[_Key, Any]]:
    for contract in contracts:
        digest = hashlib.sha256(contract.path.read_bytes()).hexdigest()
        yield (_CONTRACT, contract.stream), {"version": contract.version, "sha256": digest}


def _settings(settings: Settings) -> Iterator[tuple[_Key, str]]:
    """Every setting that somebody set; one that is not set has no record."""
    for name in settings.model_fields_set - _LEFT_OUT:
        value = getattr(settings, name)
        if value is not None:
            kind = _SECRET if name in SECRETS else _SETTING
            yield (kind, PREFIX + name.upper()), str(value)


def _shown(kind: str, before: Any, after: Any) -> tuple[Any, Any]:  # noqa: ANN401 - JSON
    if kind == _SECRET:
        return None, {"value": "changed"}
    if kind == _SETTING:
        return _value(before), _value(after)
    # Whatever else was written there, an entry holds an object.
    return before if isinstance(before, dict) else None, after


def _value(value: str | None) -> dict[str, str] | None:
    return {"value": value} if value is not None else None


def _sealed(secret: str) -> dict[str, str]:
    salt = os.urandom(16)
    return {"salt": salt.hex(), "check": _check(salt, secret)}


def _is_same_secret(seen: object, secret: str) -> bool:
    """Whether a secret is the one that was seen; not, too, if what is kept of that is damaged."""
    match seen:
        case {"salt": str(salt), "check": str(check)}:
            try:
                now = _check(bytes.fromhex(salt), secret)
            except ValueError:
                return False
            return hmac.compare_digest(now.encode(), check.encode())
        case _:
            return False


def _check(salt: bytes, secret: str) -> str:
    return hmac.digest(salt, secret.encode("utf-8", "replace"), "sha256")[:_CHECK_BYTES].hex()
