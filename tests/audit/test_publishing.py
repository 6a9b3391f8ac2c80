"""What others see of the log: tiles and a signed checkpoint, put there whole, never rewritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.access.principal import Kind, Principal
from chimera_assets.audit import AuditLog, Wanted, newest
from chimera_assets.audit.catch_up import CaughtUp, catch_up
from chimera_assets.audit.log import NewEntry
from chimera_assets.audit.publishing import FOLDER, leaves, publish, stored_checkpoint
from chimera_assets.audit.signing_keys import KINDS, SigningKeys, load_keys, new_keys, store_keys
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.merkle import leaf_hash
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import verify
from chimera_assets.audit.tlog.tiles import TileHashes
from chimera_assets.audit.tlog.tree import Tree
from chimera_assets.lake import Lake
from chimera_assets.lake.objects import Objects
from chimera_assets.lake.s3_access import s3_client
from chimera_assets.settings import Settings
from tests.audit.owner import tamper

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE = Principal(Kind.PERSON, "alice", "chimera table restore")


def say(log: AuditLog, times: int) -> None:
    """Write entries."""
    said = [NewEntry("table.optimize", f"raw/t{n}", ALICE, after={"n": n}) for n in range(times)]
    with log.database.transaction() as session:
        log.write_all(session, said)


def put(log: AuditLog, lake: Lake, logins: Settings, *, again: bool = False) -> CaughtUp:
    return catch_up(log, lake, logins, ALICE, again=again)


def files(lake: Lake) -> dict[str, bytes]:
    """Everything beside the lake: path -> bytes."""
    store = Objects(lake, FOLDER)
    return {path: store.read(path) for path in store.sizes()}


def seen(lake: Lake) -> Checkpoint:
    """What a checkpoint says that others see, after its tiles were checked against it."""
    store = Objects(lake, FOLDER)
    checkpoint = Checkpoint.parse(Note.parse(stored_checkpoint(store) or b"").text)
    TileHashes(checkpoint.size, store.read).authenticate(checkpoint.root)
    return checkpoint


@pytest.mark.criterion("006.5")
def test_the_log_grows_where_others_see_it(log: AuditLog, logins: Settings, lake: Lake) -> None:
    size = 0
    for more in (1, 3, 250, 0, 300):
        say(log, more)
        done = put(log, lake, logins)
        assert done.failures == []
        size = seen(lake).size
        with log.database.transaction() as session:
            tree = Tree()
            tree.extend(map(leaf_hash, leaves(session, 0, size)))
        assert tree.root() == seen(lake).root
    assert size == 1 + 3 + 250 + 300 + 1  # and that the keys were made

    # Of a tile that is full, the parts that came before it are gone.
    assert not [path for path in files(lake) if path.startswith("tile/0/000.p/")]
    assert {path for path in files(lake) if path.startswith("tile/0/")} == {
        "tile/0/000", "tile/0/001", "tile/0/002.p/43"
    }  # fmt: skip


def test_two_keys_sign_and_are_told(log: AuditLog, logins: Settings, lake: Lake) -> None:
    say(log, 1)
    put(log, lake, logins)
    (added,) = newest(log.database, Wanted(action="key.add"), 10)
    keys = load_keys(logins)
    assert keys is not None
    assert [key.kind for key in keys.verifiers] == list(KINDS)
    assert [name.split()[0] for name in added.after or {}] == [
        key.key_id.hex() for key in keys.verifiers
    ]
    note = Note.parse(files(lake)["checkpoint"])
    assert len(verify(note, keys.verifiers, needed=2)) == 2
    assert files(lake)["keys"].decode().splitlines() == [str(key) for key in keys.verifiers]
    assert (logins.home / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path(lake.uri, FOLDER).rglob("*"))


@pytest.mark.criterion("006.8")
def test_on_s3_it_is_encrypted_and_nobody_elses(
    log: AuditLog, logins: Settings, bucket: str
) -> None:
    lake = Lake(f"s3://{bucket}/lake")
    say(log, 300)
    assert put(log, lake, logins).failures == []
    assert seen(lake).size == 301
    client = s3_client(lake.storage_options)
    place = {"Bucket": bucket, "Key": "lake/audit/checkpoint"}
    assert client.head_object(**place)["ServerSideEncryption"] == "AES256"
    grants = client.get_object_acl(**place)["Grants"]
    assert {one["Grantee"]["Type"] for one in grants} == {"CanonicalUser"}


def test_whenever_the_process_dies_the_next_one_goes_on(
    log: AuditLog, logins: Settings, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(log, 254)
    put(log, lake, logins)
    before = seen(lake)
    say(log, 10)
    alive = Objects.put
    for died_after in range(8):  # bundle, tile, two of the next ones, checkpoint
        puts = 0

        def put_or_die(store: Objects, path: str, data: bytes, last: int = died_after) -> None:
            nonlocal puts
            if puts == last:
                raise KeyboardInterrupt
            puts += 1
            alive(store, path, data)

        with monkeypatch.context() as dying:
            dying.setattr(Objects, "put", put_or_die)
            try:
                put(log, lake, logins)
            except KeyboardInterrupt:
                assert seen(lake) == before
            else:
                break
    assert died_after == 5 + 1
    assert put(log, lake, logins).failures == []
    assert seen(lake).size == 265


@pytest.mark.parametrize("path", ["tile/0/000.p/4", "tile/entries/000.p/4"])
@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_what_was_changed_there_is_not_built_upon(
    log: AuditLog, logins: Settings, lake: Lake, path: str, damage: str
) -> None:
    say(log, 3)
    put(log, lake, logins)
    file, sound = Path(lake.uri, FOLDER, path), files(lake)
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    say(log, 1)
    (failure,) = put(log, lake, logins).failures
    assert "`chimera audit publish --again`" in str(failure)
    assert path.rpartition("/")[2] in str(failure) or "root" in str(failure)
    assert files(lake)["checkpoint"] == sound["checkpoint"]

    # The entries are as they were signed, so that all of it can be written anew.
    assert put(log, lake, logins, again=True).failures == []
    assert seen(lake).size == 5


def test_entries_that_were_changed_are_never_signed_again(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    say(log, 5)
    put(log, lake, logins)
    tamper(logins, "UPDATE audit.entries SET actor_name = 'bob' WHERE sequence = 2")
    (failure,) = put(log, lake, logins, again=True).failures
    assert "audit.entries, root of the first 6" in str(failure)


def test_a_database_that_was_rolled_back_signs_nothing(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    say(log, 5)
    put(log, lake, logins)
    last, kept = seen(lake), files(lake)
    tamper(
        logins,
        "DELETE FROM audit.entries WHERE sequence > 3",
        "DELETE FROM audit.details WHERE sequence > 3",
        "DELETE FROM audit.checkpoints",
    )
    say(log, 1)
    (failure,) = put(log, lake, logins).failures
    assert "the database was rolled back" in str(failure)
    assert (seen(lake), files(lake)) == (last, kept)


def test_other_keys_sign_no_further(log: AuditLog, logins: Settings, lake: Lake) -> None:
    say(log, 1)
    put(log, lake, logins)
    store_keys(logins, SigningKeys(new_keys()))
    say(log, 1)
    (failure,) = put(log, lake, logins).failures
    assert "expected keys of chimera/" in str(failure)


def test_keys_that_are_lost_are_not_made_anew_unasked(
    log: AuditLog, logins: Settings, lake: Lake
) -> None:
    say(log, 1)
    put(log, lake, logins)
    (logins.home / "keys" / "signing.key").unlink()
    say(log, 1)
    (failure,) = put(log, lake, logins).failures
    assert "bring the file back" in str(failure)
    assert not (logins.home / "keys" / "signing.key").exists()


def test_nothing_is_put_there_before_the_first_entry(log: AuditLog, lake: Lake) -> None:
    keys = SigningKeys(new_keys())
    assert publish(log.database, Objects(lake, FOLDER), keys) is None
    assert files(lake) == {}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "their.key"
    file.write_text("".join(f"{key.encode()}\n" for key in new_keys()))
    file.chmod(0o600)
    return file


def load(given: str) -> SigningKeys | None:
    return load_keys(Settings(signing_key=given))


def test_keys_come_from_a_file_or_a_variable(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_file = load(str(key_file))
    monkeypatch.setenv("FROM_A_VAULT", key_file.read_text())
    by_variable = load("env:FROM_A_VAULT")
    assert by_file is not None
    assert by_variable is not None
    assert by_file.verifiers == by_variable.verifiers


def bad_files() -> Iterator[tuple[str, Any, str]]:
    one, other = new_keys(), new_keys()
    secret = one[0].encode()
    yield "empty", "", "expected keys of one name, found none"
    yield "no key", "hello\n", "expected PRIVATE[+]KEY[+]"
    yield "cut", secret[:-3], "another text, which is not shown"
    yield "another id", secret.replace(one[0].verifier.key_id.hex(), "00000000"), "expected key id"
    yield "two logs", f"{secret}\n{other[0].encode()}", "expected keys of one name, found chimera/"
    yield "twice", f"{secret}\n{secret}", "found one twice"


BAD_FILES = tuple(bad_files())


@pytest.mark.parametrize(
    ("text", "problem"), [one[1:] for one in BAD_FILES], ids=[one[0] for one in BAD_FILES]
)
def test_what_is_no_key_file_is_told_without_its_content(
    key_file: Path, text: str, problem: str
) -> None:
    key_file.write_text(text)
    with pytest.raises(Exception, match=problem) as told:
        load(str(key_file))
    assert str(told.value).startswith(f"CHIMERA_SIGNING_KEY: {key_file}: ")
    assert len(text) < len("PRIVATE+KEY+") or text.strip()[-12:] not in str(told.value)


def test_a_key_file_that_others_may_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(Exception, match="for its user alone, found mode 640; chmod 600"):
        load(str(key_file))


@pytest.mark.parametrize("kind", ["none", "folder", "pipe", "unset variable"])
def test_keys_that_cannot_be_had_are_told(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "key"
    if kind == "folder":
        place.mkdir()
    if kind == "pipe":
        os.mkfifo(place)
    given = "env:NOT_SET_AT_ALL" if kind == "unset variable" else str(place)
    with pytest.raises(Exception, match=r"CHIMERA_SIGNING_KEY: .*expected .* found"):
        load(given)
