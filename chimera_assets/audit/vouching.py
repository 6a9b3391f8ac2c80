"""Has others vouch for the log as it was signed, and lets it be seen with what they signed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from chimera_assets.audit.policy_file import read_policy
from chimera_assets.audit.publishing import (
    FOLDER,
    last_published,
    put_checkpoint,
    stored_checkpoint,
)
from chimera_assets.audit.third_parties import NotVouched
from chimera_assets.audit.timestamps import TIMESTAMPS, is_due, stamp
from chimera_assets.audit.witnesses import cosign
from chimera_assets.lake.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.audit.publishing import Published
    from chimera_assets.lake import Lake
    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.postgres.platform.session import Session
    from chimera_assets.settings import Settings

#: One process at a time: none may ask for, or put there, a smaller tree after a larger one.
_TURN = "SELECT pg_advisory_xact_lock(4811210)"


def vouch_and_put(
    database: PlatformDatabase, lake: Lake, settings: Settings, signed: Published
) -> list[NotVouched]:
    """Ask who is to vouch, and put the newest checkpoint there, whatever they say.

    Args:
        database: The platform's database.
        lake: The lake; all that the checkpoint speaks of is beside it already.
        settings: Whom to ask.
        signed: What this process has signed.

    Returns:
        Who did not vouch, and why.

    Raises:
        DatabaseError: The platform's database cannot be reached or refuses.
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    store = Objects(lake, FOLDER)
    with in_turn(database) as session:
        # Another process may have signed more since.
        newest = replace(last_published(session) or signed, filled=signed.filled)
        note, failures = _cosigned(store, settings, newest)
        put_checkpoint(store, newest, note)
        return failures + _stamped(lake, settings, newest)


@contextmanager
def in_turn(database: PlatformDatabase) -> Iterator[Session]:
    """A transaction in which no other process asks anybody to vouch.

    Raises:
        DatabaseError: The platform's database cannot be reached or refuses.
    """
    with database.transaction() as session:
        session.execute(_TURN)
        yield session


def _cosigned(
    store: Objects, settings: Settings, newest: Published
) -> tuple[bytes, list[NotVouched]]:
    """The checkpoint with the signatures of witnesses, old ones and new ones."""
    if settings.witness_policy is None:
        stored, signed = stored_checkpoint(store), newest.note.encode()
        return stored if stored is not None and stored.startswith(signed) else signed, []
    try:
        policy = read_policy(settings.witness_policy, "CHIMERA_WITNESS_POLICY")
        note, failures = cosign(store, newest, policy)
    except NotVouched as error:
        return newest.note.encode(), [error]
    return note.encode(), failures


def _stamped(lake: Lake, settings: Settings, newest: Published) -> list[NotVouched]:
    """Have the checkpoint stamped, if it is time for that."""
    store = Objects(lake, f"{FOLDER}/{TIMESTAMPS}")
    if settings.timestamp_url is None or not is_due(store, time.time()):
        return []
    try:
        stamp(store, newest.checkpoint, settings.timestamp_url)
    except NotVouched as error:
        return [error]
    return []
