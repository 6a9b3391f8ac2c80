"""Writing the audit log: an entry before the change, and another one if the change then fails."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chimera_assets.audit.details import Details, as_text, clean
from chimera_assets.errors import ChimeraError
from chimera_assets.interrupts import unwound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chimera_assets.access.principal import Principal
    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.postgres.platform.session import Session

#: Entries that are sent to the database at once.
_AT_ONCE = 500

_APPEND = "SELECT audit.append(%s::jsonb) AS sequence"

#: What is said where there is no platform database.
OFF_THE_RECORD = (
    "Runs are not on the record: set CHIMERA_DATABASE_URL, as CHIMERA_SOURCE_DATABASE_URL is set. "
    "See docs/audit.md."
)
_NOT_KEPT = (
    "audit.entries: expected the new entry's sequence, found none: a trigger or rule of the table "
    "keeps entries out, remove it"
)


class AuditError(ChimeraError):
    """The audit log cannot be written, so that the change it was to record was not made.

    Args:
        what: The change.
        cause: Why not.
    """

    def __init__(self, what: str, cause: ChimeraError) -> None:
        self.transient = cause.transient
        super().__init__(f"{what}: not done, as the audit log could not be written: {cause}")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is said of a change; see `AuditLog.change`."""

    action: str
    resource: str
    actor: Principal
    before: Details | None = None
    after: Details | None = None
    reason: str | None = None
    run_id: str | None = None
    failure_of: int | None = None


class Change:
    """A change that is being made."""

    def __init__(self) -> None:
        self.failure: str | None = None

    def fail(self, kind: str) -> None:
        """Say that it failed, where that is not seen by an exception; the first one stands.

        Args:
            kind: The kind of failure; not its words, which may hold values.
        """
        self.failure = self.failure or kind


class AuditLog:
    """The audit log of a platform; nothing is connected to before the first entry.

    Args:
        database: The platform's database.
    """

    def __init__(self, database: PlatformDatabase) -> None:
        self.database = database

    @contextmanager
    def change(  # noqa: PLR0913 - what there is to say of a change
        self,
        action: str,
        resource: str,
        *,
        actor: Principal,
        before: Details | None = None,
        after: Details | None = None,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> Iterator[Change]:
        """Say that something is about to change, and change it in the block.

        The entry is there before the block begins. If the block fails, a second entry says that,
        with the kind of error and not its words, which may hold values. If the process dies in the
        block, the entry stands alone: the change may have been made or not.

        Args:
            action: What is done, `table.restore` for instance.
            resource: To what.
            actor: By whom.
            before: What it was: numbers and names, never values of rows and never secrets.
            after: What it will be, as far as that is known; likewise.
            reason: Why, in the actor's words.
            run_id: The run or command that it is part of.

        Raises:
            AuditError: The entry could not be written; the block was not entered.
        """
        said = NewEntry(action, resource, actor, before, after, reason, run_id)
        with unwound(), self._on_the_record(said) as made:
            yield made

    @contextmanager
    def _on_the_record(self, said: NewEntry) -> Iterator[Change]:
        try:
            with self.database.transaction() as session:
                number = self.write(session, said)
        except ChimeraError as error:
            what = f"{said.action} {said.resource}"
            raise AuditError(what, error) from error
        made = Change()
        try:
            yield made
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            made.fail("interrupted" if interrupted else type(error).__name__)
            raise
        finally:
            if made.failure is not None:
                self._say_failed(said, number, made.failure)

    def write(self, session: Session, said: NewEntry) -> int:
        """Write an entry in a transaction that changes something of the same database.

        Everything else is changed within `change`. Whoever writes another one waits until the
        transaction ends.

        Returns:
            The entry's sequence.

        Raises:
            ChimeraError: The database did not keep it.
        """
        return self.write_all(session, [said])[0]

    def write_all(self, session: Session, said: Sequence[NewEntry]) -> list[int]:
        """Write entries, in their order; see `write`.

        Returns:
            Their sequences.

        Raises:
            ChimeraError: The database did not keep all of them.
        """
        kept: list[int] = []
        for at in range(0, len(said), _AT_ONCE):
            some = [_as_row(one) for one in said[at : at + _AT_ONCE]]
            rows = session.execute(_APPEND, (json.dumps(some),)).fetchall()
            kept += sorted(int(row["sequence"]) for row in rows)
        if len(kept) != len(said):  # as a trigger or rule of somebody else's can have it
            raise ChimeraError(_NOT_KEPT)
        return kept

    def _say_failed(self, said: NewEntry, number: int, kind: str) -> None:
        failed = replace(said, before=None, after={"failed": kind}, reason=None, failure_of=number)
        # Not written is no worse than killed here, and what the caller has to see is the cause.
        with suppress(ChimeraError), self.database.transaction() as session:
            self.write(session, failed)


def _as_row(said: NewEntry) -> dict[str, str | int | None]:
    stated_by = said.actor.stated_by
    return {
        "failure_of": said.failure_of,
        "actor_kind": str(said.actor.kind),
        "actor_name": clean(said.actor.name),
        "actor_origin": clean(said.actor.origin),
        "actor_stated_by": clean(stated_by) if stated_by is not None else None,
        "action": clean(said.action),
        "resource": clean(said.resource),
        "run_id": said.run_id,
        "details": as_text(said.before, said.after, said.reason),
    }
