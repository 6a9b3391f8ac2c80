"""One commit, made once: retried on conflicts, and looked for before it is called failed.

A commit whose answer was lost has still landed. So each of our commits carries an id of its own
in its metadata, and after any error the log is searched for it before anything else is done.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from deltalake import CommitProperties, Transaction

from chimera_assets.lake import damage, data_files
from chimera_assets.lake.errors import CommitConflict, StorageUnavailable, translated
from chimera_assets.lake.log_entries import read_actions
from chimera_assets.lake.storage_retry import READ_ATTEMPTS, pause
from chimera_assets.tracing import span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deltalake import DeltaTable

    from chimera_assets.lake.snapshot import TableState
    from chimera_assets.lake.stream import Stream

#: The key of a commit's own id in its metadata.
COMMIT_ID = "chimera.commit"

#: Other keys: what kind of write it is, of which hours, by which run, extracted as which batch,
#: judged by which version of the contract, and written by which version of this code.
WRITE, HOURS, RUN = "chimera.write", "chimera.hours", "run"
BATCH, CONTRACT, CODE = "chimera.batch", "contract", "chimera.version"

#: How often a commit is tried when others write the same data.
ATTEMPTS = 12

#: Appends carry one of so many application ids, see `append_carry`.
_APPEND_LANES = 16


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit did.

    Attributes:
        version: The table's version that it made.
        rows: Rows in the files it added.
        bytes: Size of these files.
        files: How many they are.
        seconds: How long it took, retries included.
    """

    version: int
    rows: int
    bytes: int
    files: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Carried:
    """What a commit carries beside its data, and atomically with it.

    Attributes:
        transaction: An application id and version. Of two commits with the same id on the same
            version of the table one is made, and the other is tried again.
        metadata: Strings that are kept with the commit.
    """

    transaction: tuple[str, int]
    metadata: Mapping[str, str]


Action: TypeAlias = "Callable[[DeltaTable, CommitProperties], object]"

#: Gives what a commit carries, from the state of the table on which it is tried.
Carry: TypeAlias = "Callable[[DeltaTable], Carried]"


def commit(  # noqa: PLR0913
    table: TableState,
    action: Action,
    *,
    metadata: Mapping[str, str],
    carry: Carry | None = None,
    stream: Stream | None = None,
    attempts: int = ATTEMPTS,
) -> Commit:
    """Do `action` on the newest version of the table, once, whatever the storage answers.

    Args:
        table: The table.
        action: What to do; it gets the newest snapshot, and is called again after a conflict.
        metadata: Kept with the commit.
        carry: Gives for each attempt what else is committed; may refuse by a CommitConflict.
        stream: The data that `action` reads, for the errors in it.
        attempts: How often it is tried; 1 for work that can as well be done another day.

    Raises:
        CommitConflict: Others won every time, or `carry` refused.
    """
    about = {"table": f"{table.layer}/{table.name}", "hours": metadata.get("chimera.hours")}
    with span("write", run_id=metadata.get("run"), **about) as written:
        said = {**table.provenance, **metadata}
        done = _commit(table, action, said, carry, stream, attempts)
        written.set(rows=done.rows, version=done.version)
    return done


def _commit(  # noqa: PLR0913, PLR0917
    table: TableState,
    action: Action,
    metadata: Mapping[str, str],
    carry: Carry | None,
    stream: Stream | None,
    attempts: int,
) -> Commit:
    started = time.perf_counter()
    commit_id = uuid.uuid4().hex
    for attempt in range(1, attempts + 1):
        delta, carried = _carried(table, carry)
        base = delta.version()
        properties = CommitProperties(
            custom_metadata={
                **metadata,
                **(carried.metadata if carried is not None else {}),
                COMMIT_ID: commit_id,
            },
            app_transactions=[Transaction(*carried.transaction)] if carried is not None else None,
        )
        try:
            action(delta, properties)
        except Exception as error:
            _raise_own(stream)
            version = _landed(table, commit_id, base)
            if version is None:
                failure = translated(error, table.uri)
                whole = stream is None or stream.settled or stream.may_be_read_again
                if not (whole and _worth_another(failure, attempt, attempts)):
                    files = data_files.files(table, delta, None)
                    raise damage.explained(table, error, files) from error
                pause(attempt)
                continue
        else:
            version = _landed(table, commit_id, base)
        return _committed(table, version, time.perf_counter() - started)
    raise AssertionError  # pragma: no cover


def _carried(table: TableState, carry: Carry | None) -> tuple[DeltaTable, Carried | None]:
    """The newest state of the table, and what a commit on exactly that state carries."""
    while True:
        delta = table.delta()
        base = delta.version()
        carried = carry(delta) if carry is not None else None
        # Whoever asks the table anything moves its one snapshot on to what others have committed.
        if delta.version() == base:
            return delta, carried


def _worth_another(failure: Exception, attempt: int, attempts: int) -> bool:
    """Whether the commit, which is not in the log, should be made once more."""
    if isinstance(failure, StorageUnavailable):
        return attempt < min(READ_ATTEMPTS, attempts)
    return isinstance(failure, CommitConflict) and attempt < attempts


def append_carry(_: DeltaTable) -> Carried:
    """A transaction that makes deltalake notice if an append's answer was lost.

    A plain append whose answer is lost is silently logged again by deltalake; one with an
    application transaction meets its own first try as a conflict, and we then find it. Few ids are
    used in turn, since a table keeps the last version of every id for ever.
    """
    lane = random.randrange(_APPEND_LANES)  # noqa: S311
    return Carried((f"chimera.append.{lane}", time.time_ns() // 1_000_000), {})


def _landed(table: TableState, commit_id: str, base: int) -> int | None:
    """The version that our commit became, or None if it is not in the log."""
    newest = table.delta().version()
    for version in range(base + 1, newest + 1):
        for action in read_actions(table, version):
            if action.get("commitInfo", {}).get(COMMIT_ID) == commit_id:
                return version
    return None


def _committed(table: TableState, version: int | None, seconds: float) -> Commit:
    if version is None:
        # Some operations commit nothing when there is nothing to change.
        return Commit(table.delta().version(), 0, 0, 0, seconds)
    adds = [action["add"] for action in read_actions(table, version) if "add" in action]
    rows = sum(json.loads(add.get("stats") or "{}").get("numRecords", 0) for add in adds)
    return Commit(version, rows, sum(add["size"] for add in adds), len(adds), seconds)


def _raise_own(stream: Stream | None) -> None:
    if stream is not None and stream.failure is not None:
        raise stream.failure
