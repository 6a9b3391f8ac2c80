"""Brings the audit log up to date with the lake, and what others can see of it with the log.

After each run and each command that has changed something, and by hand. What fails here can be done
later: the tables' own logs and the database hold all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera_assets.audit.commits import record_commits
from chimera_assets.audit.known_keys import put_keys
from chimera_assets.audit.publishing import FOLDER, last_published, publish
from chimera_assets.audit.remembered import remember, remembered
from chimera_assets.audit.signing_keys import (
    SigningKeyError,
    SigningKeys,
    key_details,
    key_file,
    load_keys,
    new_keys,
    store_keys,
)
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.vouching import vouch_and_put
from chimera_assets.errors import ChimeraError
from chimera_assets.lake.objects import Objects

if TYPE_CHECKING:
    from chimera_assets.access.principal import Principal
    from chimera_assets.audit.log import AuditLog
    from chimera_assets.audit.publishing import Published
    from chimera_assets.lake import Lake
    from chimera_assets.settings import Settings


@dataclass(slots=True)
class CaughtUp:
    """What was done.

    Attributes:
        commits: How many commits got their entries.
        published: The log as others see it; None if it has no entries, or could not be put there.
        failures: What could not be done, and will be tried again next time.
    """

    commits: int = 0
    published: Published | None = None
    failures: list[ChimeraError] = field(default_factory=list)


def catch_up(
    audit: AuditLog, lake: Lake, settings: Settings, actor: Principal, *, again: bool = False
) -> CaughtUp:
    """Write the entries of commits, sign the log and put it beside the lake, vouched for by others.

    Args:
        audit: The log.
        lake: The lake.
        settings: Where the keys are, and whom to ask to vouch.
        actor: Who makes the keys, if there are none yet.
        again: Put all of the log beside the lake, not only what is new.
    """
    done = CaughtUp()
    try:
        done.commits = record_commits(audit, lake)
    except ChimeraError as error:
        done.failures.append(error)
    try:
        keys, store = keys_of(audit, settings, actor), Objects(lake, FOLDER)
        note = remembered(settings)
        seen = Checkpoint.parse(note.text) if note is not None else None
        done.published = publish(audit.database, store, keys, seen=seen, again=again)
        if done.published is not None:
            remember(settings, done.published.note)
            put_keys(store, keys)
            done.failures += vouch_and_put(audit.database, lake, settings, done.published)
    except ChimeraError as error:
        done.failures.append(error)
    return done


def keys_of(audit: AuditLog, settings: Settings, actor: Principal) -> SigningKeys:
    """The log's keys; new ones, if nothing was signed yet.

    Raises:
        SigningKeyError: They cannot be read or made, or are lost.
        AuditError: That they are made cannot be written down.
    """
    if (keys := load_keys(settings)) is not None:
        return keys
    with audit.database.transaction() as session:
        last = last_published(session)
    if last is not None:
        problem = f"expected the keys of {last.checkpoint.origin}, found none"
        remedy = (
            "bring the file back, or set CHIMERA_SIGNING_KEY to where it is; "
            "if it is lost, `chimera audit keys --new` makes others of that name"
        )
        raise SigningKeyError(key_file(settings), problem, remedy)
    keys = SigningKeys(new_keys())
    added = key_details(keys.keys)
    with audit.change("key.add", f"keys of {keys.origin}", actor=actor, after=added):
        store_keys(settings, keys)
    return keys
