"""Envelopes: signed by keys of two kinds, verified by other code than ours, refused if forged."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from chimera_assets.audit.tlog.errors import BadSignatureError
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey, VerifierKey
from chimera_assets.errors import ArgumentError, ChimeraError
from chimera_assets.reports.evidence import dsse
from chimera_assets.reports.evidence.dsse import Envelope, EnvelopeSignature, keyid, sign, verify
from chimera_assets.reports.evidence.errors import EvidenceError
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import STRANGER, WITNESS
from tests.reports.evidence.bundles import SIGNER, SIGNER_PQ

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE = "application/vnd.in-toto+json"
PAYLOAD = '{"a":"ü"}'.encode()
BOTH = (SIGNER.verifier, SIGNER_PQ.verifier)


def signed() -> Envelope:
    return sign(TYPE, PAYLOAD, [SIGNER_PQ, SIGNER])


def their_key(key: VerifierKey) -> SSlibKey:
    return SSlibKey(keyid(key), "ed25519", "ed25519", {"public": key.public.hex()})


def document(envelope: Envelope) -> dict[str, Any]:
    return json.loads(envelope.encode())  # type: ignore[no-any-return]


def test_the_standards_example_is_encoded_as_the_standard_has_it() -> None:
    """protocol.md of DSSE, "Test Vectors"."""
    found = dsse.encoded("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.encoded("ü", b"") == "DSSEv1 2 ü 0 ".encode()


def test_both_keys_sign_in_the_order_of_their_ids() -> None:
    envelope = signed()
    assert Envelope.parse(envelope.encode()) == envelope
    assert [one.keyid for one in envelope.signatures] == sorted(map(keyid, BOTH))
    assert set(verify(envelope, TYPE, BOTH)) == set(BOTH)
    for key in BOTH:
        assert verify(envelope, TYPE, [key, STRANGER.verifier]) == [key]
    assert len(envelope.signatures[0].value) != len(envelope.signatures[1].value)


def test_securesystemslib_verifies_ours_and_refuses_forged_ones() -> None:
    key = their_key(SIGNER.verifier)
    theirs = TheirEnvelope.from_dict(document(signed()))
    assert set(theirs.verify([key], 1)) == {keyid(SIGNER.verifier)}
    assert theirs.payload == PAYLOAD
    for forge in FORGED.values():
        forged = forge(document(signed()))
        with pytest.raises((VerificationError, ValueError)):
            TheirEnvelope.from_dict(json.loads(json.dumps(forged))).verify([key], 1)
        with pytest.raises(ChimeraError):
            verify(Envelope.parse(json.dumps(forged).encode()), TYPE, [SIGNER.verifier])


def test_one_of_securesystemslib_is_verified_and_a_forged_one_refused() -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    ours = VerifierKey("example.com/theirs", KeyKind.ED25519, public)
    envelope = TheirEnvelope(PAYLOAD, TYPE, {})
    envelope.sign(CryptoSigner(private, their_key(ours)))
    data = json.dumps(envelope.to_dict(), indent=1).encode()

    read = Envelope.parse(data)

    assert verify(read, TYPE, [ours]) == [ours]
    for forged in (
        replace(read, payload=PAYLOAD + b" "),
        replace(read, signatures=(replace(read.signatures[0], value=bytes(64)),)),
        replace(read, signatures=(replace(read.signatures[0], keyid="another"),)),
    ):
        with pytest.raises(BadSignatureError):
            verify(forged, TYPE, [ours])
        their_forged = TheirEnvelope.from_dict(document(forged))
        with pytest.raises(VerificationError):
            their_forged.verify([their_key(ours)], 1)


def _payload(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"payload": b64encode(b'{"a":"u"}').decode()}


def _signature(found: dict[str, Any]) -> dict[str, Any]:
    at = [one["keyid"] for one in found["signatures"]].index(keyid(SIGNER.verifier))
    value = bytearray(b64decode(found["signatures"][at]["sig"]))
    value[7] ^= 1
    found["signatures"][at]["sig"] = b64encode(value).decode()
    return found


def _swapped(found: dict[str, Any]) -> dict[str, Any]:
    one, two = found["signatures"]
    one["sig"], two["sig"] = two["sig"], one["sig"]
    return found


def _twice(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"signatures": found["signatures"] * 2}


#: What is done to an envelope.
FORGED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "payload": _payload,
    "type": lambda found: found | {"payloadType": "text/plain"},
    "signature": _signature,
    "swapped": _swapped,
    "none": lambda found: found | {"signatures": []},
    "twice": _twice,
}


def test_a_payload_of_another_type_is_refused_though_its_signature_is_good() -> None:
    envelope = sign("text/plain", PAYLOAD, [SIGNER])
    with pytest.raises(EvidenceError, match=r"expected application/vnd.in-toto\+json"):
        verify(envelope, TYPE, BOTH)


def test_a_bad_signature_of_a_known_key_is_one_too_many() -> None:
    envelope = signed()
    for number, key in ((0, envelope.signatures[0]), (1, envelope.signatures[1])):
        values = list(envelope.signatures)
        values[number] = replace(key, value=key.value[:-1] + bytes([key.value[-1] ^ 1]))
        bad = replace(envelope, signatures=tuple(values))
        with pytest.raises(BadSignatureError, match="expected one by that key"):
            verify(bad, TYPE, BOTH)
    with pytest.raises(BadSignatureError, match=r"a signature by one of stranger\.example"):
        verify(envelope, TYPE, [STRANGER.verifier])
    with pytest.raises(BadSignatureError, match="nobody"):
        verify(envelope, TYPE, [])
    with pytest.raises(BadSignatureError, match="found none"):
        verify(Envelope(TYPE, PAYLOAD, ()), TYPE, BOTH)


def test_what_is_no_envelope_is_refused_with_its_place() -> None:
    good = document(signed())
    some = good["signatures"][0]
    for change, said in (
        ({"more": 1}, "besides more"),
        ({"payload": 1}, "envelope#/payload: expected a text, found a number"),
        ({"payload": "YR=="}, "envelope#/payload: expected canonical standard base64"),
        ({"payload": "YQ"}, "canonical standard base64"),
        ({"payload": "YQ==\n"}, "canonical standard base64"),
        ({"payload": "-_-_"}, "canonical standard base64"),
        ({"signatures": {}}, "envelope#/signatures: expected a list, found an object"),
        ({"signatures": []}, "1 to 16 signatures, each of another key, found none"),
        ({"signatures": [some, some]}, "each of another key"),
        ({"signatures": [None]}, "envelope#/signatures/0: expected an object, found null"),
        ({"signatures": [{"sig": some["sig"]}]}, "lacking keyid"),
        ({"signatures": [some | {"cert": "x"}]}, "besides cert"),
        ({"signatures": [some | {"keyid": ""}]}, "expected a key id and a signature"),
        ({"signatures": [some | {"sig": ""}]}, "expected a key id and a signature"),
        ({"signatures": [some | {"sig": some["sig"][:-2] + "h="}]}, "canonical standard base64"),
    ):
        with pytest.raises(ChimeraError) as caught:
            Envelope.parse(json.dumps(good | change).encode())
        assert said in str(caught.value)


def test_keys_of_witnesses_sign_no_envelopes() -> None:
    with pytest.raises(ArgumentError, match="found that of a witness"):
        sign(TYPE, PAYLOAD, [WITNESS])
    envelope = Envelope(TYPE, PAYLOAD, (EnvelopeSignature(keyid(WITNESS.verifier), b"x" * 64),))
    with pytest.raises(ArgumentError, match="found that of a witness"):
        verify(envelope, TYPE, [WITNESS.verifier])
    for signers in ([], [SIGNER, SIGNER]):
        with pytest.raises(ArgumentError, match="1 to 16 keys, each once"):
            sign(TYPE, PAYLOAD, signers)


def test_what_is_signed_as_a_note_is_no_signature_of_an_envelope() -> None:
    """The bytes of one format are never those of the other."""
    key = SigningKey("example.com/key", KeyKind.ED25519, b"k" * 32)
    message = dsse.encoded(TYPE, PAYLOAD)
    value = key.sign(f"{message.decode()}\n", 0).value
    with pytest.raises(BadSignatureError):
        key.verifier.check_bytes(message, value)


def test_no_byte_of_an_envelope_can_be_changed() -> None:
    data, random = signed().encode(), Random("envelope")  # noqa: S311 - no secret
    for _ in range(200):
        changed = mutated(data, random)
        with pytest.raises(ChimeraError):
            _in_its_one_form(changed)


def _in_its_one_form(data: bytes) -> None:
    """Refuse what the two keys did not sign, and in this form."""
    found, where = Envelope.parse(data), "envelope"
    if found.encode() != data or set(verify(found, TYPE, BOTH)) != set(BOTH):
        raise EvidenceError(where, expected="its one form, signed by both", found="another")
