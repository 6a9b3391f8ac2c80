"""Witnesses are asked after each run: what they sign is there to see, whatever else they do."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from chimera_assets.audit import third_parties
from chimera_assets.audit.publishing import CHECKPOINT, Published, last_published
from chimera_assets.audit.third_parties import NotVouched, post
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import verify
from chimera_assets.audit.tlog.witness import encode_cosignatures
from chimera_assets.audit.vouching import vouch_and_put
from tests.audit.parties import answer, server
from tests.audit.tlog.trees import NOW, WITNESS, WITNESS_PQ

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from tests.audit.story import Story

OTHER = SigningKey("other.example", KeyKind.ED25519_COSIGNATURE, b"o" * 32)
BY_ONE = [WITNESS.verifier, WITNESS_PQ.verifier]


def lines(one: str, *more: str) -> list[str]:
    return [
        f"witness w1 {WITNESS.verifier} {one}",
        f"witness w2 {WITNESS_PQ.verifier} {one}/",
        "group w any w1 w2",
        *more,
    ]


@pytest.mark.criterion("006.5")
def test_each_checkpoint_is_signed_by_who_is_asked_and_kept(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one, story.witness("two", OTHER) as two:
        theirs = [f"witness o {OTHER.verifier} {two.url}", "group both all w o"]
        story.rely_on(*lines(one.url), *theirs, "quorum both")
        sizes = []
        for _ in range(3):
            assert story.grow() == []
            assert len(verify(story.seen, [*BY_ONE, OTHER.verifier], needed=3)) == 3
            kept = story.beside / "cosigned" / str(story.size)
            assert kept.read_bytes() == (story.beside / CHECKPOINT).read_bytes()
            sizes.append(story.size)
        # The proof began where the witness had been, but for the first time: one question each.
        assert [line.split()[0] for line in one.told] == ["200", "200", "200"]
        assert f"{sizes[0]:,} of them before" in one.told[1]

        # Whoever has signed is not asked again, and what is there stays, asked for or not.
        before = (story.beside / CHECKPOINT).read_bytes()
        assert story.up_to_date() == story.up_to_date(asking=False) == []
        assert (story.beside / CHECKPOINT).read_bytes() == before
        assert len(one.told) == len(two.told) == 3


def test_a_witness_that_was_away_is_asked_again_and_says_where_it_was(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one, story.witness("two", OTHER) as two:
        story.rely_on(*lines(one.url), f"witness o {OTHER.verifier} {two.url}", "quorum w")
        assert story.grow() == []
        port = two.port
    with story.witness("one", WITNESS, WITNESS_PQ) as one:
        story.rely_on(*lines(one.url), f"witness o {OTHER.verifier} {two.url}", "quorum w")
        (failure,) = story.grow()
        assert failure.startswith("witness o: expected an answer, found none: [Errno 111]")
        assert story.signed_by(WITNESS)
        with story.witness("two", OTHER, port=port) as back:
            assert story.up_to_date() == []  # nothing new, but that it had not signed
            assert story.signed_by(OTHER)
            assert [line.split()[0] for line in back.told] == ["409", "200"]


def test_without_a_quorum_the_checkpoint_is_there_and_says_so(story: Story) -> None:
    story.rely_on(*lines("http://127.0.0.1:9"), "quorum w")
    before = story.size
    said = story.grow()
    assert said[0].startswith("witness w1, w2: expected an answer, found none: ")
    assert len(said) == 2
    assert "expected signatures by the quorum, w, found nobody's; the others" in said[1]
    assert story.size == before + 1


def test_a_log_that_was_rebuilt_gets_no_signature(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one:
        story.rely_on(*lines(one.url), "quorum w")
        assert [story.grow(), story.grow()] == [[], []]
        story.rebuild("UPDATE audit.entries SET resource = 'raw/nothing' WHERE sequence = 1")
        refused, lacking = story.up_to_date()
        assert "it has signed another history of this log: edited or forked" in refused
        assert lacking.startswith("witnesses: ")
        story.rebuild(
            "DELETE FROM audit.details WHERE sequence > 1",
            "DELETE FROM audit.entries WHERE sequence > 1",
        )
        refused, _ = story.up_to_date()
        assert (
            "expected at most 2 entries, found that it has signed 4: the log was rolled" in refused
        )


def test_what_was_signed_of_another_past_is_not_written_over(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one:
        story.rely_on(*lines(one.url), "quorum w")
        assert story.grow() == []
        kept = story.beside / "cosigned" / str(story.size)
        text = Checkpoint(story.seen.text.split("\n")[0], story.size, bytes(32)).text
        other = Note(text, (WITNESS.sign(text, NOW),)).encode()
        kept.write_bytes(other)
        (failure,) = story.up_to_date()
        assert f"cosigned/{story.size}: expected this log's checkpoint, found another" in failure
        assert kept.read_bytes() == other


def test_signatures_that_are_none_are_taken_out(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one:
        story.rely_on(*lines(one.url), "quorum w")
        assert story.grow() == []
        note = story.seen
        *good, first, second = note.signatures
        bad = first.__class__(first.name, first.key_id, second.value[:72])
        kept = story.beside / "cosigned" / str(story.size)
        kept.write_bytes(Note(note.text, (*good, bad)).encode())
        assert story.up_to_date() == []
        assert len(verify(story.seen, BY_ONE, needed=2)) == 2


def test_a_tile_that_is_gone_is_named(story: Story) -> None:
    with story.witness("one", WITNESS, WITNESS_PQ) as one:
        story.rely_on(*lines(one.url), "quorum w")
        assert story.grow() == []
        assert story.grow(asking=False) == []
        for tile in (story.beside / "tile" / "0").rglob("*"):
            if tile.is_file():
                tile.unlink()
        said = story.up_to_date()
        assert "the proof for it needs a tile that is gone: " in said[0]


def test_another_process_may_have_signed_more_since(story: Story) -> None:
    with story.log.database.transaction() as session:
        older = last_published(session)
    assert isinstance(older, Published)
    assert story.grow(asking=False) == []
    size = story.size
    assert size > older.checkpoint.size
    assert vouch_and_put(story.log.database, story.lake, story.settings, older) != []  # no policy
    assert story.size == size


POLICIES = {
    "none": (None, "expected a policy file, found No such file or directory"),
    "malformed": ("quorum w\n", "policy, line 1: expected the name of a witness or group"),
    "a folder": ("", "policy: expected a policy file, found something else than a file"),
}


def test_a_policy_that_cannot_be_used_is_told_and_the_log_goes_on(story: Story) -> None:
    for text, problem in POLICIES.values():
        story.policy.unlink(missing_ok=True)
        if text:
            story.policy.write_text(text)
        elif text is not None:
            story.policy.mkdir()
        before = story.size
        (failure,) = story.grow()
        assert failure.startswith(f"CHIMERA_WITNESS_POLICY: {story.policy}: ")
        assert problem in failure
        assert story.size == before + 1


def of_stranger(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    text = Note.parse(body.partition(b"\n\n")[2]).text
    answer(200, encode_cosignatures([OTHER.sign(text, NOW)]))(handler, body)


def of_another_age(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    text = Note.parse(body.partition(b"\n\n")[2]).text
    answer(200, encode_cosignatures([WITNESS.sign(text, 2**62)]))(handler, body)


def of_another_tree(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    text = Note.parse(body.partition(b"\n\n")[2]).text
    other = Checkpoint(text.split("\n")[0], 1, bytes(32)).text
    answer(200, encode_cosignatures([WITNESS.sign(other, NOW)]))(handler, body)


def dripping(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        pass


def no_http(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"\0" * 9)


ODD = {
    "nonsense": (answer(200, b"hello"), "add-checkpoint response: expected a newline at its end"),
    "nothing": (answer(200, b""), "expected 1 to 100 signatures, found 0"),
    "too much": (answer(200, b"x" * 200_000), "expected at most 100,000 bytes, found more"),
    "elsewhere": (answer(307, b"", Location="http://127.0.0.1:9/"), "found status 307, ''"),
    "unknown": (answer(404, b"who?\x1b[31m\n"), "status 404, 'who?\\x1b[31m'; it knows no log"),
    "forbidden": (answer(403, b""), "found status 403, ''; it has not this log's keys"),
    "in trouble": (answer(500, b"x" * 900), "found status 500, 'xxx"),
    "undecided": (answer(409, b"0\n"), "found status 409, '0'"),
    "no size": (answer(409, b"a lot\n"), "size: expected a decimal number"),
    "a stranger's": (of_stranger, "signatures by 1 of the known keys"),
    "of another age": (of_another_age, "expected a signature of our days, found one of the year"),
    "of another tree": (of_another_tree, "expected one by that key of this text"),
    "no HTTP": (no_http, "expected an answer, found none"),
    "dripping": (dripping, "expected an answer within 0 seconds, found none"),
}  # fmt: skip


def test_whatever_a_witness_answers_the_run_goes_on(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    for respond, words in ODD.values():
        if respond is dripping:
            monkeypatch.setattr(third_parties, "_WHOLE", 0.3)
        with server(respond) as url:
            story.rely_on(f"witness w {WITNESS.verifier} {url}", "quorum none")
            before = story.size
            (failure,) = story.grow()
        assert failure.startswith("witness w: ")
        assert words in failure
        assert len(failure) < 600
        assert story.size == before + 1
        assert not story.signed_by(WITNESS)


def test_names_and_passwords_go_into_the_header_and_into_no_message() -> None:
    asked: list[str] = []

    def respond(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append(json.dumps(dict(handler.headers)))
        answer(200, b"ok")(handler, body)

    with server(respond) as url:
        found = post(url.replace("//", "//me:s3%40cret@"), b"x", "text/plain")
    assert (found.status, found.body) == (200, b"ok")
    assert "Basic bWU6czNAY3JldA==" in asked[0]
    for bad in ("http://me:s3cret@127.0.0.1:9/", "http://me:s3@cret@host/", "ftp://me:s3cret@h/"):
        with pytest.raises(NotVouched) as told:
            post(bad, b"x", "text/plain")
        assert "s3" not in str(told.value)
        assert "cret" not in str(told.value)
