"""Has others vouch for the log as it was signed, and lets it be seen with what they signed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chimera_assets.audit.publishing import last_published, put_checkpoint, stored_checkpoint
from chimera_assets.audit.third_parties import NotVouched
from chimera_assets.audit.witnesses import cosign, read_policy

if TYPE_CHECKING:
    from chimera_assets.audit.publishing import Published
    from chimera_assets.lake.objects import Objects
    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.settings import Settings

#: One process at a time: none may ask for, or put there, a smaller tree after a larger one.
_TURN = "SELECT pg_advisory_xact_lock(4811210)"


def vouch_and_put(
    database: PlatformDatabase, store: Objects, settings: Settings, signed: Published
) -> list[NotVouched]:
    """Ask who is to vouch, and put the newest checkpoint there, whatever they say.

    Args:
        database: The platform's database.
        store: The folder beside the lake, where all that the checkpoint speaks of is already.
        settings: Whom to ask.
        signed: What this process has signed.

    Returns:
        Who did not vouch, and why.

    Raises:
        DatabaseError: The platform's database cannot be reached or refuses.
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    with database.transaction() as session:
        session.execute(_TURN)
        # Another process may have signed more since.
        newest = replace(last_published(session) or signed, filled=signed.filled)
        note, failures = _cosigned(store, settings, newest)
        put_checkpoint(store, newest, note)
    return failures


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
