"""An authority says when a checkpoint was there; what it did not say is told from what it did."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from chimera_assets.audit.der import with_sorted_certificates
from chimera_assets.audit.publishing import FOLDER
from chimera_assets.audit.rfc3161 import BadTimestampError, Timestamp, TimestampRequest
from chimera_assets.audit.timestamps import TIMESTAMPS, request_of, take_in
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.errors import ArgumentError
from chimera_assets.lake.objects import Objects
from tests.audit.authority import Authority
from tests.audit.parties import answer, server
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import checkpoint_of, entries

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.audit.story import Story

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

FIVE, SEVEN = checkpoint_of(entries(5)), checkpoint_of(entries(7))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "files")


@pytest.fixture(scope="module")
def asked() -> TimestampRequest:
    return TimestampRequest.of_text(FIVE.text)


@pytest.fixture(scope="module")
def stamped(authority: Authority, asked: TimestampRequest) -> bytes:
    return authority.stamp(asked.encode())


def test_openssl_answers_our_request_and_believes_what_we_believe(
    authority: Authority, asked: TimestampRequest, stamped: bytes, tmp_path: Path
) -> None:
    found = Timestamp.parse(stamped)
    found.check(asked)
    found.check_chain(authority.roots)
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=2)
    (tmp_path / "text").write_text(FIVE.text)
    (tmp_path / "tsr").write_bytes(stamped)
    command = ["openssl", "ts", "-verify", "-data", "text", "-in", "tsr"]
    command += ["-CAfile", str(authority.root_file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout


def test_an_answer_that_repeats_no_nonce_is_told(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(FIVE.text)
    command = ["openssl", "ts", "-query", "-data", "text", "-sha256", "-no_nonce", "-out", "tsq"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = Timestamp.parse(authority.stamp((tmp_path / "tsq").read_bytes()))
    with pytest.raises(BadTimestampError, match=r"expected nonce [0-9a-f]{16}, .* found none"):
        found.check(TimestampRequest.of_text(FIVE.text))
    with pytest.raises(BadTimestampError, match="an authority of the trusted roots"):
        found.check_chain(authority.roots)  # nor has it the certificate, which was not asked for


def test_a_request_is_read_in_the_one_form_that_we_write(asked: TimestampRequest) -> None:
    data = asked.encode()
    assert TimestampRequest.parse(data) == asked
    assert TimestampRequest.of_text(FIVE.text).nonce != asked.nonce
    for other in (b"", data[:-1], data + b"\0", b"0" + data[1:-1] + b"\1", data[:-13] + data[-3:]):
        with pytest.raises(BadTimestampError, match="timestamp request: expected one that we"):
            TimestampRequest.parse(other)


def test_of_another_checkpoint_another_request_another_root_each_is_told(
    authority: Authority, asked: TimestampRequest, stamped: bytes, tmp_path: Path
) -> None:
    found = Timestamp.parse(stamped)
    with pytest.raises(BadTimestampError, match=r"timestamp: expected one of [0-9a-f]{64}, "):
        found.check(TimestampRequest.of_text(SEVEN.text))
    with pytest.raises(BadTimestampError, match=r"expected nonce [0-9a-f]{16}, as it was asked"):
        found.check(replace(asked, nonce=asked.nonce ^ 1))
    other = Authority(tmp_path / "other")
    with pytest.raises(BadTimestampError, match="an authority of the trusted roots"):
        found.check_chain(other.roots)
    found.check_chain((*other.roots, *authority.roots))
    expired = Authority(tmp_path / "expired", days=-100)
    late = Timestamp.parse(expired.stamp(asked.encode()))
    with pytest.raises(BadTimestampError, match="valid at its time"):
        late.check_chain(expired.roots)


@pytest.mark.parametrize(
    ("digest", "words"),
    [
        ("sha384", "expected one that is granted, found status 2"),
        ("sha512", "expected one of a SHA-256, found 2.16.840.1.101.3.4.2.3"),
    ],
)
def test_an_authority_that_refuses_and_one_of_another_hash_are_told(
    authority: Authority, tmp_path: Path, digest: str, words: str
) -> None:
    (tmp_path / "text").write_text(FIVE.text)
    command = ["openssl", "ts", "-query", "-data", "text", f"-{digest}", "-out", "tsq"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(BadTimestampError) as told:
        Timestamp.parse(authority.stamp((tmp_path / "tsq").read_bytes()))
    assert words in str(told.value)


@pytest.mark.parametrize("data", [b"", b"0", b"hello", bytes(100), b"0\x80\0\0", b"0\x84\xff" * 9])
def test_what_is_no_answer_is_told(data: bytes) -> None:
    with pytest.raises(BadTimestampError, match="expected an answer of a timestamp authority"):
        Timestamp.parse(data)


def test_a_forged_answer_is_told_or_says_the_same(
    authority: Authority, asked: TimestampRequest, stamped: bytes
) -> None:
    """Certificates that nobody needs are not signed, so that not every change breaks it."""
    random, at, refused = Random(3161), Timestamp.parse(stamped).at, 0  # noqa: S311 - no secret
    for _ in range(300):
        try:
            found = Timestamp.parse(mutated(stamped, random))
            found.check(asked)
            found.check_chain(authority.roots)
        except BadTimestampError:
            refused += 1
        else:
            assert found.at == at
    assert refused > 150


def test_certificates_are_put_in_their_order(stamped: bytes) -> None:
    ordered = with_sorted_certificates(stamped)
    assert with_sorted_certificates(ordered) == ordered
    assert sorted(ordered) == sorted(stamped)
    without_token = bytes.fromhex("30053003020102")
    assert with_sorted_certificates(without_token) == without_token
    without_certificates = bytes.fromhex("300d3003020100300606000a02a000")
    assert with_sorted_certificates(without_certificates) == without_certificates
    with pytest.raises(ValueError, match="expected a value of at most 3 bytes, found more"):
        with_sorted_certificates(bytes.fromhex("3003300502"))


def names(lake: Lake) -> set[str]:
    return set(Objects(lake, f"{FOLDER}/{TIMESTAMPS}").sizes())


@pytest.mark.criterion("006.5")
def test_a_run_has_the_log_stamped_once_an_hour(
    story: Story, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = authority.asked
    with server(authority) as url:
        story.rely_on("quorum none")
        story.stamped_by(url)
        assert story.grow() == []
        first = story.size
        assert names(story.lake) == {f"{first}.tsq", f"{first}.tsr", "newest"}
        assert story.grow() == []
        assert authority.asked == before + 1
        now = datetime.now(UTC).timestamp()
        for later in (3_700, -60):  # an hour later; and a clock that was set back
            monkeypatch.setattr(
                "chimera_assets.audit.vouching.time.time", lambda at=later: now + at
            )
            assert story.grow() == []
        assert authority.asked == before + 3
        story.beside.joinpath(TIMESTAMPS, "newest").write_text("nonsense")
        assert story.up_to_date() == []  # it is stamped already, as can be seen
    assert authority.asked == before + 3
    text = story.seen.text
    store = Objects(story.lake, f"{FOLDER}/{TIMESTAMPS}")
    found = Timestamp.parse(store.read(f"{story.size}.tsr"))
    found.check(TimestampRequest.parse(store.read(f"{story.size}.tsq")))
    assert found.digest == TimestampRequest.of_text(text).digest


def test_an_authority_that_does_not_answer_fails_no_run(
    story: Story, authority: Authority, stamped: bytes
) -> None:
    story.rely_on("quorum none")
    story.stamped_by("http://me:s3cret@127.0.0.1:9/tsa")
    (failure,) = story.grow()
    assert failure.startswith("timestamp authority: expected an answer, found none: ")
    assert "s3cret" not in failure
    odd = [
        (answer(503, b"closed"), "expected a timestamp, found status 503, 'closed'"),
        (answer(200, b"hello"), "expected an answer of a timestamp authority, found another file"),
        (answer(200, stamped), "timestamp authority: timestamp: expected one of "),
    ]
    for respond, words in odd:
        with server(respond) as url:
            story.stamped_by(url)
            (failure,) = story.grow()
        assert words in failure
    assert not [name for name in names(story.lake) if name.endswith(".tsr")]
    with server(authority) as url:
        story.stamped_by(url)
        assert story.up_to_date() == []


def test_an_answer_that_somebody_carries_is_taken_in(lake: Lake, authority: Authority) -> None:
    store = Objects(lake, f"{FOLDER}/{TIMESTAMPS}")
    asked = request_of(store, FIVE)
    assert request_of(store, FIVE) == asked
    again = request_of(store, SEVEN)
    store.put("9.tsq", b"by nobody")
    reply = authority.stamp(asked.encode())
    assert take_in(store, reply)[0] == 5
    with pytest.raises(ArgumentError, match=r"expected the answer to a request \(7 entries\)"):
        take_in(store, reply)
    forged = authority.stamp(replace(again, digest=asked.digest).encode())
    with pytest.raises(BadTimestampError, match="timestamp: expected one of"):
        take_in(store, forged)
    assert take_in(store, authority.stamp(again.encode()))[0] == 7
    with pytest.raises(ArgumentError, match="none, as none is open"):
        take_in(store, reply)
    # Of a log that was rebuilt the request is another one.
    assert request_of(store, Checkpoint(FIVE.origin, 5, bytes(32))) != asked
