"""Who signed: by keys of every kind, and by nobody else."""

from __future__ import annotations

import struct
from dataclasses import replace
from hashlib import sha256
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import BadSignatureError, MalformedError, TransparencyError
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey, VerifierKey
from chimera_assets.audit.tlog.note import Note, Signature
from chimera_assets.audit.tlog.signing import Verified, sign, verify
from chimera_assets.errors import ArgumentError
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import (
    LOG,
    LOG_PQ,
    NOW,
    ORIGIN,
    STRANGER,
    WITNESS,
    WITNESS_PQ,
    WITNESS_TWO,
    checkpoint_of,
    entries,
)

CHECKPOINT = checkpoint_of(entries(100))

#: The example of c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SIGNED = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501 - as it is published


def test_the_standards_note_is_signed_by_the_standards_key() -> None:
    key = VerifierKey.parse(VKEY)
    assert str(key) == VKEY
    assert verify(Note.parse(SIGNED.encode()), [key]) == [Verified(key, None)]
    with pytest.raises(BadSignatureError, match=r"signature of example.com/foo"):
        verify(Note.parse(SIGNED.replace("example m", "other m").encode()), [key])


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_of_any_kind_signs_checkpoints_and_no_other_takes_its_signature(
    kind: KeyKind,
) -> None:
    key = SigningKey("example.com/key", kind, b"k" * 32)
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    note = Note.parse(sign(CHECKPOINT.text, [key], NOW).encode())
    told = None if kind is KeyKind.ED25519 else NOW
    assert verify(note, [key.verifier]) == [Verified(key.verifier, told)]
    other = SigningKey("example.com/key", kind, b"o" * 32)
    signature = replace(note.signatures[0], key_id=other.verifier.key_id)
    with pytest.raises(BadSignatureError, match="expected one by that key of this text"):
        verify(replace(note, signatures=(signature,)), [other.verifier])


def test_keys_sign_what_the_standards_say() -> None:
    """Each message is put together here once more, from the standard's own description."""
    stamp = struct.pack(">Q", NOW)
    value = WITNESS.sign(CHECKPOINT.text, NOW).value
    message = f"cosignature/v1\ntime {NOW}\n{CHECKPOINT.text}".encode()
    assert value == stamp + Ed25519PrivateKey.from_private_bytes(b"c" * 32).sign(message)

    value = WITNESS_PQ.sign(CHECKPOINT.text, NOW).value
    name, origin = b"witness.example/one", ORIGIN.encode()
    message = b"".join(
        [
            b"subtree/v1\n\x00",
            bytes([len(name)]) + name,
            stamp,
            bytes([len(origin)]) + origin,
            struct.pack(">QQ", 0, 100),
            CHECKPOINT.root,
        ]
    )
    assert value[:8] == stamp
    assert len(value) == 8 + 2420
    key = MLDSA44PublicKey.from_public_bytes(WITNESS_PQ.verifier.public)
    key.verify(value[8:], message)
    whole = b"witness.example/one\n\x06" + WITNESS_PQ.verifier.public
    assert WITNESS_PQ.verifier.key_id == sha256(whole).digest()[:4]


def test_unknown_keys_say_nothing_and_known_ones_are_counted_once() -> None:
    twice = [LOG, STRANGER, WITNESS, LOG]
    note = sign(CHECKPOINT.text, twice, NOW)
    later = WITNESS.sign(CHECKPOINT.text, NOW + 60)
    note = replace(note, signatures=(*note.signatures, later))
    known = [WITNESS.verifier, LOG.verifier, LOG_PQ.verifier]
    found = [Verified(WITNESS.verifier, NOW + 60), Verified(LOG.verifier, None)]
    assert verify(note, known, needed=2) == found
    with pytest.raises(BadSignatureError, match=r"signatures by 3 of the known keys .* found 2"):
        verify(note, known, needed=3)
    with pytest.raises(BadSignatureError, match=r"1 of the known keys.*example/two.* found 0"):
        verify(note, [WITNESS_TWO.verifier])
    with pytest.raises(BadSignatureError, match="nobody"):
        verify(note, [])


def test_one_bad_signature_of_a_known_key_is_one_too_many() -> None:
    note = sign(CHECKPOINT.text, [LOG, WITNESS], NOW)
    good, known = note.signatures, [LOG.verifier, WITNESS.verifier]
    for value in (b"x", good[1].value[:-1], good[1].value + b"x", bytes(72), b"\xff" * 72):
        bad = replace(note, signatures=(good[0], replace(good[1], value=value)))
        assert verify(bad, [LOG.verifier])
        with pytest.raises(BadSignatureError, match=r"signature of witness.example/one"):
            verify(bad, known)
    with pytest.raises(BadSignatureError, match="a time below 2"):
        verify(replace(note, signatures=(replace(good[1], value=b"\xff" * 72),)), known)


def test_a_name_or_an_id_alone_is_another_key() -> None:
    note = sign(CHECKPOINT.text, [LOG], NOW)
    value = note.signatures[0].value
    strangers = (Signature(ORIGIN, b"1234", value), Signature("other", LOG.verifier.key_id, value))
    for stranger in strangers:
        with pytest.raises(BadSignatureError, match="found 0"):
            verify(replace(note, signatures=(stranger,)), [LOG.verifier])


def test_mistakes_of_the_caller_are_told() -> None:
    note = sign(CHECKPOINT.text, [LOG], NOW)
    with pytest.raises(ArgumentError, match="signatures needed: expected at least 1, found 0"):
        verify(note, [LOG.verifier], needed=0)
    with pytest.raises(ArgumentError, match="expected a seed of 32 bytes, found 5 bytes"):
        SigningKey("example.com/key", KeyKind.ED25519, b"short")
    with pytest.raises(MalformedError, match="key name"):
        SigningKey("example.com/a key", KeyKind.ED25519, b"k" * 32)
    with pytest.raises(MalformedError, match="cosignature, time"):
        WITNESS.sign(CHECKPOINT.text, -1)
    with pytest.raises(MalformedError, match="checkpoint"):
        WITNESS_PQ.sign("no checkpoint\n", NOW)
    with pytest.raises(MalformedError, match="log origin: expected at most 255 bytes, found 256"):
        WITNESS_PQ.sign(Checkpoint("x" * 256, 0, bytes(32)).text, NOW)


def test_two_known_keys_of_one_name_and_id_are_refused() -> None:
    class Colliding(VerifierKey):
        """As somebody makes one who tries four thousand million keys."""

        @property
        def key_id(self) -> bytes:
            return b"1234"

    first, second = (Colliding("name", KeyKind.ED25519, bytes([n]) * 32) for n in (1, 2))
    note = sign(CHECKPOINT.text, [LOG], NOW)
    with pytest.raises(ArgumentError, match="keys name: expected ids that differ"):
        verify(note, [first, first, second])


@pytest.mark.parametrize(
    ("vkey", "expected"),
    [
        (VKEY.replace("530d903a", "530d903b"), "key id 530d903a"),
        (VKEY.replace("530d903a", "530D903A"), "key id 530d903a"),
        (VKEY.replace("foo", "fop"), "key id"),
        (VKEY.replace("+Ae", "+Ee"), "signature type 0x01, 0x04, 0x06, found 11"),
        (VKEY + "A", "canonical standard base64"),
        (VKEY[:-4], "32 bytes of public key, found 29 bytes"),
        ("example.com/foo+530d903a+", "NAME+HASH+KEY, found 'example.com/foo+530d903a+'"),
        ("example.com/foo", "NAME+HASH+KEY, found 'example.com/foo'"),
        (VKEY.removeprefix("example.com/foo"), "key name"),
        (VKEY.replace("/", "/\ud800"), "key name"),
    ],
)
def test_a_verifier_key_is_taken_in_one_form_only(vkey: str, expected: str) -> None:
    with pytest.raises(MalformedError) as refused:
        VerifierKey.parse(vkey)
    assert expected in str(refused.value)


def test_an_id_is_of_one_kind_of_use() -> None:
    used = {SigningKey(ORIGIN, kind, b"a" * 32).verifier.key_id for kind in KeyKind}
    assert len(used) == len(KeyKind)


@pytest.mark.parametrize(("signers", "times"), [([LOG, WITNESS], 2000), ([LOG, LOG_PQ], 200)])
def test_whatever_byte_of_a_signed_checkpoint_is_changed_is_found(
    signers: list[SigningKey], times: int
) -> None:
    random, data = Random(9162), sign(CHECKPOINT.text, signers, NOW).encode()  # noqa: S311
    known = [key.verifier for key in signers]
    verify(Note.parse(data), known, needed=2)
    for _ in range(times):
        hurt = mutated(data, random)
        with pytest.raises(TransparencyError):
            verify(Note.parse(hurt), known, needed=2)
