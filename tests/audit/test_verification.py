"""Whoever changes the log, even with its keys or as its owner, is found; what is sound is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import CommitProperties

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit.catch_up import catch_up
from chimera_assets.audit.findings import CHECKS, Check
from chimera_assets.audit.known_keys import put_keys
from chimera_assets.audit.log import AuditLog, NewEntry
from chimera_assets.audit.publishing import CHECKPOINT, FOLDER, publish
from chimera_assets.audit.signing_keys import (
    SigningKeys,
    key_details,
    load_keys,
    new_keys,
    store_keys,
)
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.merkle import leaf_hash
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import sign
from chimera_assets.audit.tlog.tree import Tree
from chimera_assets.audit.verify import verify_log
from chimera_assets.lake.log_entries import commit_info
from chimera_assets.lake.objects import Objects
from tests.audit.owner import as_owner, tamper
from tests.audit.small_table import RAW, write_hour

if TYPE_CHECKING:
    from chimera_assets.lake import Lake
    from chimera_assets.settings import Settings

ALICE = Principal(Kind.PERSON, "alice", "chimera table restore")


@pytest.fixture
def story(log: AuditLog, logins: Settings, lake: Lake) -> Path:
    """A log of some changes and commits that was put beside the lake twice; its folder there."""
    for hour in range(2):
        with log.change("hours.run", f"hours {hour}", actor=ALICE, run_id="run-1"):
            write_hour(lake, hour)
        assert catch_up(log, lake, logins, ALICE).failures == []
    return Path(lake.uri, FOLDER)


def broken(log: AuditLog, logins: Settings, lake: Lake, **asked: object) -> dict[str, str]:
    """The checks that do not hold, each with its first problem."""
    found: list[Check] = verify_log(log, lake, load_keys(logins), **asked)  # type: ignore[arg-type]
    return {check.name: check.problems[0] for check in found if check.problems}


@pytest.mark.usefixtures("story")
def test_a_sound_log_holds(log: AuditLog, logins: Settings, lake: Lake) -> None:
    found = {check.name: check for check in verify_log(log, lake, load_keys(logins))}
    assert list(found) == [name for name in CHECKS if name in found]
    assert {name: check.status for name, check in found.items()} == {
        "entries": "satisfied", "details": "satisfied", "checkpoints": "satisfied",
        "files": "satisfied", "guards": "satisfied", "seen": "not evaluated",
        "witnesses": "not evaluated", "timestamps": "not evaluated", "tables": "satisfied",
        "contents": "not evaluated", "actors": "satisfied",
    }  # fmt: skip
    assert {name: check.notes for name, check in found.items() if check.checked is None} == {
        "seen": ["no checkpoint that was kept elsewhere was given"],
        "witnesses": ["no policy says which witnesses have to sign"],
        "timestamps": ["nothing was stamped yet"],
        "contents": ["only with --contents, which reads every data file"],
    }
    assert found["entries"].checked == 6
    assert found["tables"].checked == 3
    assert found["checkpoints"].checked == 2


GONE = "DELETE FROM audit.entries WHERE sequence = 2"
#: Other numbers for the entries after the second one.
MOVED = (
    "CREATE TABLE public.moved AS SELECT * FROM audit.entries WHERE sequence > 2; "
    "DELETE FROM audit.entries WHERE sequence > 2; "
    "UPDATE public.moved SET sequence = {}; "
    "INSERT INTO audit.entries SELECT * FROM public.moved"
)
#: What the owner of the tables does to them -> which check finds it, and in which words.
TAMPERED = {
    "an entry edited": (
        "UPDATE audit.entries SET actor_name = 'bob' WHERE sequence = 1",
        "checkpoints", "edited or forked",
    ),
    "an entry taken out": (
        GONE, "entries", "expected entry 2, found 3",
    ),
    "entries after it moved up": (
        f"{GONE}; {MOVED.format('sequence - 1')}",
        "checkpoints", "edited or forked",
    ),
    "the newest entries taken out": (
        "DELETE FROM audit.entries WHERE sequence > 3", "checkpoints", "rolled back",
    ),
    "two entries in the other order": (
        MOVED.format("CASE sequence WHEN 4 THEN 5 WHEN 5 THEN 4 ELSE sequence END"),
        "checkpoints", "edited or forked",
    ),
    "a back-dated entry": (
        "UPDATE audit.entries SET at = at - interval '1 day' WHERE sequence = 4",
        "entries", "entry 4: its time is before",
    ),
    "details changed": (
        "UPDATE audit.details SET details = '{}' WHERE sequence = 1",
        "details", "entry 1: expected what it was made of",
    ),
    "details made up": (
        "INSERT INTO audit.details VALUES (99, decode(repeat('00', 32), 'hex'), '{}')",
        "details", "details 99: expected an entry",
    ),
    "a checkpoint changed": (
        "UPDATE audit.checkpoints SET root = decode(repeat('00', 32), 'hex')",
        "checkpoints", "expected the size and root of its note",
    ),
    "a checkpoint by nobody": (
        "UPDATE audit.checkpoints SET note = replace(note, E'\\n— chimera/', E'\\n— someone/')",
        "checkpoints", "expected signatures by 1 of the known keys",
    ),
}  # fmt: skip


@pytest.mark.criterion("006.5")
@pytest.mark.usefixtures("story")
@pytest.mark.parametrize(("statement", "check", "words"), TAMPERED.values(), ids=list(TAMPERED))
def test_what_the_owner_changes_is_found(  # noqa: PLR0913, PLR0917
    log: AuditLog, logins: Settings, lake: Lake, statement: str, check: str, words: str
) -> None:
    tamper(logins, *statement.split("; "))
    found = broken(log, logins, lake)
    assert words in found[check]


@pytest.mark.usefixtures("story")
def test_a_log_without_its_checkpoints_is_no_new_one(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    """Nobody needs a key to take away all that was signed."""
    tamper(
        logins,
        "UPDATE audit.entries SET actor_name = 'innocent' WHERE sequence = 1",
        "DELETE FROM audit.checkpoints",
    )
    shutil.rmtree(story)
    assert "expected what they signed" in broken(log, logins, lake)["checkpoints"]
    (failure,) = catch_up(log, lake, logins, ALICE).failures
    assert "as this machine signed" in str(failure)
    assert not (story / CHECKPOINT).exists()


def test_database_and_lake_rolled_back_together_are_not_signed_on(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    older = (story / CHECKPOINT).read_bytes()
    with log.change("table.optimize", "raw/events", actor=ALICE):
        pass
    assert catch_up(log, lake, logins, ALICE).failures == []
    tamper(
        logins,
        "DELETE FROM audit.entries WHERE sequence > 5",
        "DELETE FROM audit.details WHERE sequence > 5",
        "DELETE FROM audit.checkpoints WHERE size > 6",
    )
    (story / CHECKPOINT).write_bytes(older)
    assert "as the checkpoint says, found more" in broken(log, logins, lake)["files"]
    (failure,) = catch_up(log, lake, logins, ALICE).failures
    assert "the database was rolled back" in str(failure)


def test_a_log_that_vouches_for_its_forgers_key_is_found(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    keys = load_keys(logins)
    assert keys is not None
    forger = SigningKeys(new_keys(keys.origin))
    (logins.home / "keys" / "last.checkpoint").unlink()
    tamper(logins, "DELETE FROM audit.checkpoints")
    shutil.rmtree(story)
    with log.change("key.add", "keys", actor=ALICE, after=key_details(forger.keys)):
        pass
    assert publish(log.database, Objects(lake, FOLDER), forger) is not None
    put_keys(Objects(lake, FOLDER), forger)
    assert "expected signatures by 1" in broken(log, logins, lake)["checkpoints"]


def test_an_edited_entry_is_named_with_what_was_signed(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    assert story.exists()
    tamper(logins, "UPDATE audit.entries SET actor_name = 'bob' WHERE sequence = 1")
    said = " ".join(
        problem
        for check in verify_log(log, lake, load_keys(logins))
        for problem in check.problems
        if check.name == "files"
    )
    assert "entry 1: what was signed is " in said
    assert '"name":"alice"' in said
    assert '"name":"bob"' in said


@pytest.mark.usefixtures("story")
def test_what_entries_say_of_commits_cannot_be_erased_unseen(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    tamper(
        logins,
        "DELETE FROM audit.details USING audit.entries WHERE action = 'table.commit' "
        "AND details.sequence = entries.sequence",
    )
    assert "3 erased" in broken(log, logins, lake)["tables"]


def test_a_commit_by_nobody_stays_named_when_its_entry_is_erased(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    write_hour(lake, 0, run_id="off the record")
    assert catch_up(log, lake, logins, ALICE).failures == []
    tamper(logins, "DELETE FROM audit.details")
    assert "raw/events version (erased)" in broken(log, logins, lake)["actors"]


@pytest.mark.usefixtures("story")
def test_a_guard_that_is_switched_off_is_found(log: AuditLog, logins: Settings, lake: Lake) -> None:
    with as_owner(logins) as connection:
        connection.execute("ALTER TABLE audit.entries DISABLE TRIGGER append_only")
    assert "append_only" in broken(log, logins, lake)["guards"]


@pytest.mark.usefixtures("story")
def test_a_commit_that_copies_the_words_of_ours_is_found(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    table = lake.table(*RAW)
    info = commit_info(table, 1)
    said = {key: info[key] for key in ("run", "chimera.commit", "chimera.write", "chimera.version")}
    table.fresh().delete("event_id = 'e-0-0'", commit_properties=CommitProperties(said))
    assert "made to look like one of ours" in broken(log, logins, lake)["actors"]


@pytest.mark.parametrize("damage", ["gone", "shorter"])
@pytest.mark.usefixtures("story")
def test_a_data_file_that_is_not_as_the_table_says_is_found(
    log: AuditLog, logins: Settings, lake: Lake, damage: str
) -> None:
    file = next(Path(lake.uri, *RAW).rglob("*.parquet"))
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    assert "bytes, found" in broken(log, logins, lake)["tables"]


@pytest.mark.usefixtures("story")
def test_erased_details_break_nothing(log: AuditLog, logins: Settings, lake: Lake) -> None:
    tamper(logins, "DELETE FROM audit.details WHERE sequence = 0")
    assert broken(log, logins, lake) == {}
    (details,) = (c for c in verify_log(log, lake, load_keys(logins)) if c.name == "details")
    assert details.notes == ["1 erased"]


@pytest.mark.parametrize("name", ["tile/0/000.p/6", "tile/entries/000.p/6", CHECKPOINT])
@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_what_is_changed_beside_the_lake_is_found(  # noqa: PLR0913, PLR0917
    log: AuditLog, logins: Settings, lake: Lake, story: Path, name: str, damage: str
) -> None:
    file = story / name
    if damage == "gone":
        file.unlink()
    else:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    assert list(broken(log, logins, lake)) == ["files"]


def test_an_older_checkpoint_beside_the_lake_is_found(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    older = (story / CHECKPOINT).read_bytes()
    with log.change("table.optimize", "raw/events", actor=ALICE):
        pass
    catch_up(log, lake, logins, ALICE)
    (story / CHECKPOINT).write_bytes(older)
    assert "expected 7 entries, as were signed last, found 6" in broken(log, logins, lake)["files"]


def test_whoever_has_the_keys_cannot_rebuild_what_an_auditor_has_seen(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    seen = (story / CHECKPOINT).read_bytes()
    # The operator takes an entry out, and signs all of what is left anew.
    tamper(
        logins,
        "UPDATE audit.entries SET resource = 'raw/nothing' WHERE sequence = 1",
        "DELETE FROM audit.checkpoints",
    )
    (logins.home / "keys" / "last.checkpoint").unlink()
    for file in sorted(story.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    assert catch_up(log, lake, logins, ALICE).failures == []
    assert "checkpoints" not in broken(log, logins, lake)
    found = broken(log, logins, lake, seen={"kept.checkpoint": seen})
    assert "edited or forked" in found["seen"]


def test_a_checkpoint_of_a_tree_that_the_log_never_had_is_found(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    keys = load_keys(logins)
    assert keys is not None
    tree = Tree()
    tree.extend(leaf_hash(b"%d" % n) for n in range(6))
    forged = sign(Checkpoint(keys.origin, 6, tree.root()).text, keys.keys, 1_800_000_000)
    (story / CHECKPOINT).write_bytes(forged.encode())
    assert "edited or forked" in broken(log, logins, lake)["files"]


def test_keys_are_exchanged_with_an_overlap(
    log: AuditLog, logins: Settings, lake: Lake, story: Path
) -> None:
    old = load_keys(logins)
    assert old is not None
    added = new_keys(old.origin)
    for keys in (SigningKeys((*old.keys, *added)), SigningKeys(added)):
        store_keys(logins, keys)
        with log.database.transaction() as session:
            log.write(session, NewEntry("table.optimize", "raw/events", ALICE))
        assert catch_up(log, lake, logins, ALICE).failures == []
        by = {one.name for one in Note.parse((story / CHECKPOINT).read_bytes()).signatures}
        assert by == {old.origin}

    # What the old keys signed is still verified by them, which stand beside the lake, and by
    # nobody who was only put there.
    assert broken(log, logins, lake) == {}
    assert (
        "expected signatures by 1"
        in broken(log, logins, lake, trusted=[added[0].verifier])["checkpoints"]
    )
    stranger = new_keys(old.origin)[0].verifier
    (story / "keys").write_text(f"{stranger}\n")
    assert list(broken(log, logins, lake)) == ["checkpoints"]
