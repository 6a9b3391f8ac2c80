"""`chimera audit keys`: the public keys of the log, and how they are exchanged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chimera_assets.access.principal import Principal
from chimera_assets.audit.catch_up import keys_of
from chimera_assets.audit.log import AuditLog
from chimera_assets.audit.publishing import last_published
from chimera_assets.audit.signing_keys import (
    SigningKeys,
    key_details,
    key_file,
    load_keys,
    new_keys,
    store_keys,
)
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.terminal import notes, out
from chimera_assets.errors import ArgumentError
from chimera_assets.postgres.databases import platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def keys(*, new: bool, retire: Sequence[str]) -> int:
    """Print the public keys, after making or retiring some."""
    if new:
        _add()
    if retire:
        _retire(retire)
    settings = get_settings()
    found = load_keys(settings) or keys_of(
        AuditLog(platform_database(settings)), settings, Principal.of_command()
    )
    for key in found.verifiers:
        out().print(str(key), markup=False, soft_wrap=True, highlight=False)
    notes().print(
        "A public key is name, id and key in one; whoever verifies should have it from elsewhere "
        "than from this lake.",
        soft_wrap=True,
    )
    return 0


def _add() -> None:
    """Make further keys, which sign beside those that there are, or in the place of lost ones."""
    settings = get_settings()
    path = key_file(settings)
    known = load_keys(settings) if path is None or path.exists() else None
    with platform_database(settings).transaction() as session:
        last = last_published(session)
    signed = last.checkpoint.origin if last is not None else None
    added = new_keys(known.origin if known is not None else signed)
    together = SigningKeys((*(known.keys if known is not None else ()), *added))
    with command_context(datetime.now(UTC)).change(
        "key.add", f"keys of {together.origin}", after=key_details(added)
    ):
        store_keys(settings, together)


def _retire(ids: Sequence[str]) -> None:
    """Let keys sign no longer.

    Raises:
        ArgumentError: There is no such key, or none would be left.
    """
    settings = get_settings()
    known = load_keys(settings)
    there = {key.verifier.key_id.hex(): key for key in known.keys} if known is not None else {}
    if unknown := sorted(set(ids) - there.keys()):
        msg = f"--retire: expected {' or '.join(there) or 'keys to be there'}, found {unknown[0]}"
        raise ArgumentError(msg)
    left = tuple(key for name, key in there.items() if name not in ids)
    if not left:
        msg = "--retire: expected a key that is left, found none; make others first by --new"
        raise ArgumentError(msg)
    gone = tuple(key for name, key in there.items() if name in ids)
    remaining = SigningKeys(left)
    with command_context(datetime.now(UTC)).change(
        "key.retire", f"keys of {remaining.origin}", before=key_details(gone)
    ):
        store_keys(settings, remaining)
