"""What goes wrong between us and a table is reported in our words, whole and on one line."""

from __future__ import annotations

import pytest
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from chimera_assets.lake import LakeError, StorageUnavailable, TableNotFound
from chimera_assets.lake import storage_retry as retry
from chimera_assets.lake.errors import (
    CommitConflict,
    HoursMismatch,
    SchemaConflict,
    TableDamaged,
    no_room,
    translated,
)

URI = "/lake/raw/events"

#: What the libraries raise, the kind of our error, and what it says behind the table's place.
WORDS = [
    (
        CommitFailedError("Unsupported table features required: [TypeWidening]"),
        LakeError,
        (
            "another tool made it a table that is not written "
            "(Unsupported table features required: [TypeWidening])"
        ),
    ),
    (
        CommitFailedError("a concurrent\ntransaction"),
        CommitConflict,
        "another writer changed the same data (a concurrent transaction)",
    ),
    (
        TableNotFoundError("no files in log segment"),
        TableNotFound,
        "no Delta table there; it is made by its first write",
    ),
    (
        DeltaError("Kernel error: bad entry\n  at 0x12\n  at 0x34"),
        LakeError,
        "the table's log cannot be read: Kernel error: bad entry",
    ),
    *(
        (
            OSError(full),
            LakeError,
            f"the disk is full; make room and run it again ({full})",
        )
        for full in ("No space left on device", "Disk full", "File too large")
    ),
    *(
        (
            OSError(refused),
            LakeError,
            (
                f"{means}; give this user the right to write there, or set CHIMERA_LAKE_URI to a "
                f"place where it may ({refused})"
            ),
        )
        for refused, means in (
            ("Read-only file system", "the file system is read-only"),
            ("Permission denied", "this user may not read or write there"),
            ("Operation not permitted", "this user may not write there"),
        )
    ),
    (
        OSError("\x1b[31mGeneric S3 error\x1b[0m: http://me:secret@host/b: 503 Slow Down"),
        StorageUnavailable,
        "the storage failed: Generic S3 error: http://***@host/b: 503 Slow Down",
    ),
    (
        DeltaError("Object store error: connection reset"),
        StorageUnavailable,
        "the storage failed: Object store error: connection reset",
    ),
    (
        DeltaError("Generic S3 error: no such key"),
        LakeError,
        "the storage failed: Generic S3 error: no such key",
    ),
    (OSError("x" * 400), LakeError, f"the storage failed: {'x' * 299}…"),
]


@pytest.mark.parametrize(
    ("error", "kind", "said"), WORDS, ids=[str(error)[:30] for error, _, _ in WORDS]
)
def test_what_the_libraries_raise(error: Exception, kind: type[LakeError], said: str) -> None:
    found = translated(error, URI)
    assert type(found) is kind
    assert str(found) == f"{URI}: {said}"


def test_what_is_ours_or_unknown_stays_as_it_is() -> None:
    for error in (TableNotFound(URI), DeltaError("something else"), KeyError("x")):
        assert translated(error, URI) is error


def test_errors_say_all_of_themselves() -> None:
    missing = TableNotFound(URI, "no version 3")
    assert (str(missing), missing.uri) == ("no version 3", URI)

    retyped = SchemaConflict(URI, "n", expected="int64", found="string", remedy="cast it")
    assert str(retyped) == f"{URI}: column n: expected int64, found string; cast it"
    assert (retyped.table, retyped.column) == (URI, "n")
    assert (retyped.expected, retyped.found) == ("int64", "string")
    assert str(SchemaConflict(URI, "n", expected="a", found="b")).endswith("found b")

    outside = HoursMismatch(URI, expected="01:00", found="the hour 02:00")
    assert (outside.table, outside.expected, outside.found) == (URI, "01:00", "the hour 02:00")
    assert str(outside) == (
        f"{URI}: rows outside the hours being written: expected only 01:00, "
        "found the hour 02:00; nothing was written"
    )

    damaged = TableDamaged(URI, "a is cut", "run it again")
    assert (damaged.table, damaged.problem, damaged.remedy) == (URI, "a is cut", "run it again")
    assert str(damaged) == f"{URI}: a is cut; run it again"

    assert str(no_room("/tmp/x", OSError("full"))) == (  # noqa: S108
        "/tmp/x: no room for a copy of the rows on their way into the lake (full); make room "  # noqa: S108
        "there, or set TMPDIR to a folder with room"
    )


class Storage:
    """A storage that fails so many times, each time in these words, before it answers."""

    def __init__(self, failures: int, words: str) -> None:
        self.failures, self.words, self.asked = failures, words, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise OSError(self.words)
        return "an answer"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody does."""
    waited: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", waited.append)
    return waited


def test_a_storage_that_is_busy_is_asked_again_after_longer_and_longer_pauses(
    pauses: list[float],
) -> None:
    busy = "Generic S3 error: 503 Slow Down"
    longest = [0.1, 0.2, 0.4, 0.8]
    for _ in range(50):
        pauses.clear()
        storage = Storage(4, busy)
        assert retry.with_retries(storage, "s3://lake") == "an answer"
        assert storage.asked == 5
        assert all(0.05 <= one <= most for one, most in zip(pauses, longest, strict=True))
        assert len(set(pauses)) == 4
    down = Storage(99, busy)
    with pytest.raises(OSError, match="503 Slow Down"):
        retry.with_retries(down, "s3://lake")
    assert down.asked == 5


def test_a_pause_never_takes_longer_than_two_seconds(pauses: list[float]) -> None:
    for _ in range(200):
        retry.pause(12)
    assert 1.0 < max(pauses) <= 2.0


def test_what_does_not_pass_is_asked_once(pauses: list[float]) -> None:
    lasting = Storage(1, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        retry.with_retries(lasting, "s3://lake")
    assert (lasting.asked, pauses) == (1, [])
