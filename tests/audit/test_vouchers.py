"""What others vouch for is verified, and a past that they did not see is found by their word."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from chimera_assets.audit.proofs import Prover, verify_entry
from chimera_assets.audit.publishing import CHECKPOINT, FOLDER, leaves
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import BadSignatureError
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.policy import Policy
from chimera_assets.lake import Lake
from chimera_assets.lake.objects import Objects
from tests.audit.authority import Authority
from tests.audit.parties import server
from tests.audit.story import Story
from tests.audit.tlog.trees import NOW, WITNESS, WITNESS_PQ

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.audit import AuditLog
    from chimera_assets.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

AWAY = SigningKey("away.example", KeyKind.ED25519_COSIGNATURE, b"o" * 32)
EDIT = "UPDATE audit.entries SET resource = 'raw/nothing' WHERE sequence = 1"


@pytest.fixture
def vouched(story: Story, authority: Authority) -> Iterator[Story]:
    """A log of which two checkpoints are signed by a witness, and both stamped by an authority."""
    with story.witness("one", WITNESS, WITNESS_PQ) as one, server(authority) as url:
        story.rely_on(
            f"witness w1 {WITNESS.verifier} {one.url}",
            f"witness w2 {WITNESS_PQ.verifier} {one.url}",
            f"witness away {AWAY.verifier}",
            "group one all w1 w2",
            "quorum one",
        )
        story.stamped_by(url)
        for _ in range(2):
            assert story.grow() == []
            (story.beside / "timestamps" / "newest").unlink()  # so that an hour has passed
        yield story


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "files")


def problems(story: Story, authority: Authority) -> dict[str, list[str]]:
    found = story.verified(*authority.roots)
    return {name: check.problems for name, check in found.items() if check.problems}


def test_what_others_vouch_for_is_told_with_names_and_times(
    vouched: Story, authority: Authority
) -> None:
    found = vouched.verified(*authority.roots)
    witnesses, timestamps = found["witnesses"], found["timestamps"]
    assert (witnesses.status, witnesses.checked) == ("satisfied", 2)
    (by,) = witnesses.notes
    assert by.startswith(f"newest: {vouched.size} entries by witness.example/one at 20")
    assert (timestamps.status, timestamps.checked) == ("satisfied", 2)
    first, newest = timestamps.notes
    assert first.startswith(f"first: {vouched.size - 1} entries at 20")
    assert newest.startswith(f"newest: {vouched.size} entries at 20")
    assert newest.endswith(" UTC")


def test_without_anybody_who_is_trusted_it_is_not_evaluated_who_vouches(vouched: Story) -> None:
    found = vouched.verified(policy=False)
    assert found["witnesses"].status == "not evaluated"
    assert found["witnesses"].notes == ["2 cosigned; --policy says by whom they should be"]
    assert found["timestamps"].status == "satisfied"
    assert found["timestamps"].notes[-1] == "who made them is not evaluated without --tsa-root"


@pytest.mark.criterion("006.5")
def test_a_log_that_its_keeper_rebuilt_is_found_by_those_who_vouched(
    vouched: Story, authority: Authority, tmp_path: Path
) -> None:
    shutil.copytree(vouched.beside, tmp_path / "kept")
    vouched.stamped_by(None)
    vouched.rebuild(EDIT)
    vouched.up_to_date()
    # All that the log says of itself is sound; but nobody else says it.
    assert problems(vouched, authority).keys() == {"witnesses", "timestamps"}
    (lack,) = problems(vouched, authority)["witnesses"]
    assert "expected signatures by the quorum, one, found nobody's" in lack
    assert problems(vouched, authority)["timestamps"][0].endswith("expected timestamps, found none")

    # What others gave for the real past is of no use for this one.
    for folder in ("cosigned", "timestamps"):
        shutil.copytree(tmp_path / "kept" / folder, vouched.beside / folder)
    found = problems(vouched, authority)
    assert found.keys() == {"witnesses", "timestamps"}
    assert [one.rpartition(": ")[2] for one in found["witnesses"][:2]] == ["edited or forked"] * 2
    assert len(found["timestamps"]) == 2
    assert all("found one of another checkpoint: edited" in one for one in found["timestamps"])
    vouched.rebuild(
        "DELETE FROM audit.details WHERE sequence > 1",
        "DELETE FROM audit.entries WHERE sequence > 1",
    )
    shutil.copytree(tmp_path / "kept" / "timestamps", vouched.beside / "timestamps")
    vouched.up_to_date()
    assert len(problems(vouched, authority)["timestamps"]) == 2


def test_a_quorum_that_the_newest_checkpoint_lacks_is_told(
    vouched: Story, authority: Authority
) -> None:
    lines = vouched.policy.read_text().splitlines()
    vouched.rely_on(*lines[:-1], "group both all one away", "quorum both")
    (problem,) = problems(vouched, authority)["witnesses"]
    assert f"newest checkpoint, of {vouched.size} entries: expected signatures by the" in problem
    assert "quorum, both, found w1, w2; `chimera audit publish` asks the others again" in problem
    (vouched.beside / CHECKPOINT).write_bytes(b"nonsense")
    assert problems(vouched, authority)["witnesses"][0].startswith("newest checkpoint: signed note")


def test_cosigned_notes_that_are_none_are_told(vouched: Story, authority: Authority) -> None:
    folder = vouched.beside / "cosigned"
    note = vouched.seen
    (folder / str(vouched.size)).rename(folder / "2")
    flipped = note.signatures[-1]
    flipped = flipped.__class__(flipped.name, flipped.key_id, flipped.value[:-1] + b"\0")
    (folder / "3").write_bytes(Note(note.text, (*note.signatures[:-1], flipped)).encode())
    other = Checkpoint("other.example", 4, bytes(32)).text
    (folder / "4").write_bytes(Note(other, (WITNESS.sign(other, NOW),)).encode())
    (folder / "5").write_bytes(b"nonsense")
    found = [one.removeprefix(str(folder)) for one in problems(vouched, authority)["witnesses"]]
    assert [one[:2] for one in found] == ["/2", "/3", "/4", "/5"]
    for problem, words in zip(
        found,
        ("expected this log's checkpoint of 2", "by that key", "checkpoint of 4", "signed note"),
        strict=True,
    ):
        assert words in problem


def test_timestamps_that_are_none_are_told(
    vouched: Story, authority: Authority, tmp_path: Path
) -> None:
    folder, size = vouched.beside / "timestamps", vouched.size
    other = Authority(tmp_path / "other")
    assert [len(one) for one in problems(vouched, other).values()] == [2]
    first, newest = (folder / f"{one}.tsr" for one in (size - 1, size))
    (folder / f"{size}.tsq").unlink()
    sound = first.read_bytes()
    for data, words in (
        (newest.read_bytes(), "timestamp: expected one of"),
        (b"nonsense", "expected an answer of a timestamp authority"),
        (sound[:-1] + bytes([sound[-1] ^ 1]), "by an authority of the trusted roots"),
    ):
        first.write_bytes(data)
        of_first, of_newest = problems(vouched, authority)["timestamps"]
        assert words in of_first
        assert f"{newest}: expected its request beside it, found no " in of_newest


def test_a_proof_may_need_a_quorum_too(vouched: Story) -> None:
    store = Objects(vouched.lake, FOLDER)
    with vouched.log.database.transaction() as session:
        (leaf,) = leaves(session, 1, 2)
    proof = Prover(store).prove(1, leaf).encode()
    log_keys = vouched.keys.verifiers
    policy = vouched.policy.read_text()
    _, proven = verify_entry(proof, log_keys, Policy.parse(policy.encode()))
    assert [one.key.kind for one in proven.witnesses] == [WITNESS.verifier.kind, KeyKind.ML_DSA_44]
    asks_for_more = Policy.parse(policy.replace("quorum one", "quorum away").encode())
    with pytest.raises(BadSignatureError, match="expected signatures by the quorum, away"):
        verify_entry(proof, log_keys, asks_for_more)


def test_beside_a_lake_on_s3_it_is_the_same(
    log: AuditLog, logins: Settings, bucket: str, tmp_path: Path, authority: Authority
) -> None:
    story = Story(log, Lake(f"s3://{bucket}/lake"), logins, tmp_path)
    assert story.grow(asking=False) == []
    with story.witness("one", WITNESS) as one, server(authority) as url:
        story.rely_on(f"witness w {WITNESS.verifier} {one.url}", "quorum w")
        story.stamped_by(url)
        assert [story.grow(), story.grow()] == [[], []]
    found = story.verified(*authority.roots)
    assert (found["witnesses"].status, found["witnesses"].checked) == ("satisfied", 2)
    assert (found["timestamps"].status, found["timestamps"].checked) == ("satisfied", 1)
