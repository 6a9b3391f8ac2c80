"""A log asks a witness, who has seen its tree before; every answer of the standard."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from random import Random

import pytest

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import BadSignatureError, MalformedError
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.merkle import EMPTY_ROOT, consistency_proof
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.signing import sign, verify
from chimera_assets.audit.tlog.witness import (
    AddCheckpoint,
    Verdict,
    encode_cosignatures,
    encode_size,
    judge,
    parse_cosignatures,
    parse_size,
    with_cosignatures,
)
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import (
    LOG,
    LOG_PQ,
    NOW,
    ORIGIN,
    STRANGER,
    WITNESS,
    WITNESS_PQ,
    checkpoint_of,
    entries,
    hashes_of,
)

#: The examples of c2sp.org/tlog-witness.
REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - as it is published
RESPONSE = """\
— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
"""  # noqa: E501 - as it is published
OF_LOG = [LOG.verifier, LOG_PQ.verifier]
ENTRIES = entries(100)
HASHES = hashes_of(ENTRIES)


def request(old: int, new: int) -> AddCheckpoint:
    """What an honest log sends."""
    checkpoint = checkpoint_of(ENTRIES[:new])
    proof = consistency_proof(old, new, HASHES)
    return AddCheckpoint(old, tuple(proof), sign(checkpoint.text, [LOG, LOG_PQ], NOW))


def seen(size: int) -> Checkpoint:
    return checkpoint_of(ENTRIES[:size])


def status(verdict: Verdict) -> HTTPStatus:
    assert (verdict.cosign is not None) == (verdict.status is HTTPStatus.OK) == (not verdict.reason)
    assert (verdict.size is not None) == (verdict.status is HTTPStatus.CONFLICT)
    return verdict.status


def test_the_standards_bodies_are_read_and_written_back() -> None:
    found = AddCheckpoint.parse(REQUEST.encode())
    assert (found.old, len(found.proof)) == (20_852_014, 4)
    assert found.encode() == REQUEST.encode()
    assert encode_cosignatures(parse_cosignatures(RESPONSE.encode())) == RESPONSE.encode()
    assert parse_size(encode_size(20_852_163)) == 20_852_163


def test_a_witness_follows_a_log_from_its_beginning() -> None:
    last: Checkpoint | None = None
    for old, new in ((0, 0), (0, 1), (1, 1), (1, 70), (70, 100), (100, 100)):
        sent = AddCheckpoint.parse(request(old, new).encode())
        verdict = judge(sent, last, OF_LOG)
        assert status(verdict) is HTTPStatus.OK
        assert verdict.cosign == seen(new)
        last = verdict.cosign
        body = encode_cosignatures([WITNESS.sign(last.text, NOW), WITNESS_PQ.sign(last.text, NOW)])
        witnesses = [WITNESS.verifier, WITNESS_PQ.verifier]
        cosigned = with_cosignatures(sent.checkpoint, parse_cosignatures(body), witnesses)
        assert len(verify(cosigned, [*OF_LOG, *witnesses], needed=4)) == 4


def test_what_no_trusted_key_signed_is_forbidden() -> None:
    sent = request(0, 70)
    assert status(judge(sent, None, [STRANGER.verifier])) is HTTPStatus.FORBIDDEN
    assert status(judge(sent, None, [])) is HTTPStatus.FORBIDDEN
    good, other = sent.checkpoint.signatures
    bad = replace(other, value=other.value[:-1] + bytes([other.value[-1] ^ 1]))
    damaged = replace(sent, checkpoint=replace(sent.checkpoint, signatures=(good, bad)))
    assert status(judge(damaged, None, OF_LOG)) is HTTPStatus.FORBIDDEN
    assert status(judge(damaged, None, [LOG.verifier])) is HTTPStatus.OK


def test_what_cannot_be_signed_at_all_is_forbidden() -> None:
    """No cosignature is of an origin of 256 bytes; a line that says so is no good one."""
    text = Checkpoint("x" * 256, 0, EMPTY_ROOT).text
    forged = LOG_PQ.sign(seen(0).text, NOW)
    sent = AddCheckpoint(0, (), Note(text, (forged,)))
    assert status(judge(sent, None, OF_LOG)) is HTTPStatus.FORBIDDEN


def test_an_old_size_beyond_the_new_one_is_a_bad_request() -> None:
    assert status(judge(replace(request(0, 70), old=71), seen(71), OF_LOG)) is (
        HTTPStatus.BAD_REQUEST
    )


def test_another_old_size_is_a_conflict_that_tells_the_right_one() -> None:
    for old, last, size in ((0, seen(70), 70), (69, seen(70), 70), (70, None, 0)):
        verdict = judge(request(old, 100), last, OF_LOG)
        assert status(verdict) is HTTPStatus.CONFLICT
        assert verdict.size == size


def test_a_tree_that_does_not_begin_with_the_one_seen_is_not_signed() -> None:
    forked = checkpoint_of([b"other", *ENTRIES[1:70]])
    sent = request(70, 100)
    same = request(70, 70)
    refused = [
        (sent, forked),
        (replace(sent, proof=sent.proof[:-1]), seen(70)),
        (replace(sent, proof=(*sent.proof, EMPTY_ROOT)), seen(70)),
        (replace(sent, proof=()), seen(70)),
        (same, forked),
        (replace(same, proof=(EMPTY_ROOT,)), seen(70)),
        (replace(request(0, 70), proof=(EMPTY_ROOT,)), None),
    ]
    for asked, last in refused:
        assert status(judge(asked, last, OF_LOG)) is HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_empty_tree_with_another_root_is_not_signed() -> None:
    text = Checkpoint(ORIGIN, 0, bytes(32)).text
    sent = AddCheckpoint(0, (), sign(text, [LOG], NOW))
    assert status(judge(sent, None, OF_LOG)) is HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("old 20852014", "old 020852014", "old size: expected a decimal number"),
        ("old 20852014", "old  20852014", "old size: expected a decimal number"),
        ("old 20852014", "new 20852014", "expected a line `old …`"),
        ("old 20852014\n", "", "expected a line `old …`"),
        ("PlRN", "PlR", "hash 1: expected canonical standard base64"),
        ("kaw=", "kax=", "hash 1: expected canonical standard base64"),
        ("kaw=\n", "kaw=\n" + f"{'A' * 43}=\n" * 60, "at most 63 hashes, found 64"),
        ("\n\nexample", "\n\n\nexample", "checkpoint"),
        ("\n\nexample", "\nexample", "an empty line before the signatures"),
        ("\n", "\r\n", "no control characters but newlines"),
        ("m9Q=\n", "m9Q=", "a newline at its end"),
        ("m9Q=\n", "m9Q=\n\n", "1 to 100 signatures, found 0"),
    ],
)
def test_a_request_is_taken_in_one_form_only(old: str, new: str, expected: str) -> None:
    with pytest.raises(MalformedError) as refused:
        AddCheckpoint.parse(REQUEST.replace(old, new).encode())
    assert expected in str(refused.value)


def test_a_damaged_request_is_refused_or_says_what_is_there() -> None:
    random, data = Random(6962), REQUEST.encode()  # noqa: S311 - no secret
    for _ in range(1000):
        hurt = mutated(data, random)
        with suppress(MalformedError):
            assert AddCheckpoint.parse(hurt).encode() == hurt


def test_responses_are_taken_in_one_form_only() -> None:
    for body in (b"", b"\n", RESPONSE.encode()[:-1], RESPONSE.encode() + b"\n", b"text\n"):
        with pytest.raises(MalformedError):
            parse_cosignatures(body)
    for body in (b"", b"7", b"07\n", b"7\n\n", b"7\r\n", b" 7\n", b"\xff\n"):
        with pytest.raises(MalformedError, match="add-checkpoint response"):
            parse_size(body)


def test_a_log_keeps_only_what_known_witnesses_signed() -> None:
    note = sign(seen(70).text, [LOG], NOW)
    given = [WITNESS.sign(note.text, NOW), STRANGER.sign(note.text, NOW)]
    kept = with_cosignatures(note, given, [WITNESS.verifier])
    assert kept.signatures == (*note.signatures, given[0])
    with pytest.raises(BadSignatureError, match="found 0"):
        with_cosignatures(note, given, [WITNESS_PQ.verifier])
    with pytest.raises(BadSignatureError, match=r"signature of witness.example/one"):
        with_cosignatures(note, [WITNESS.sign(seen(69).text, NOW)], [WITNESS.verifier])
    plain = SigningKey("witness.example/plain", KeyKind.ED25519, b"p" * 32)
    for signer, timestamp in ((WITNESS_PQ, 0), (plain, NOW)):
        with pytest.raises(BadSignatureError, match="signatures with a time, found none"):
            with_cosignatures(note, [signer.sign(note.text, timestamp)], [signer.verifier])
