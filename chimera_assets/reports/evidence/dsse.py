"""DSSE envelopes, version 1: a payload with its type, signed by one or more keys.

The protocol is that of github.com/secure-systems-lab/dsse, with what it leaves open decided:
standard base64 in its one form, and a key id with every signature, which is the key's name, a plus
and its id as in signed notes (`VerifierKey.key_id`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chimera_assets.audit.tlog.encoding import parse_base64, to_base64
from chimera_assets.audit.tlog.errors import BadSignatureError
from chimera_assets.errors import ArgumentError
from chimera_assets.reports.evidence.canonical_json import canonical
from chimera_assets.reports.evidence.errors import EvidenceError
from chimera_assets.reports.evidence.json_parts import list_of, object_of, text_of
from chimera_assets.reports.evidence.strict_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.audit.tlog.keys import VerifierKey

#: An envelope has no more.
MAX_SIGNATURES = 16

_WHERE = "envelope"


class EnvelopeSigner(Protocol):
    """What signs an envelope: a `SigningKey`, or a key that never leaves its keeper."""

    @property
    def verifier(self) -> VerifierKey:
        """Its public key."""

    def sign_bytes(self, data: bytes) -> bytes:
        """Sign bytes as they are."""


@dataclass(frozen=True, slots=True)
class EnvelopeSignature:
    """One signature.

    Attributes:
        keyid: Whose it is, as `keyid` makes it.
        value: What that key's algorithm made of the encoded payload.
    """

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and who signed it; nothing says yet that the signatures are good.

    Attributes:
        payload_type: What the payload is, a media type.
        payload: What is signed.
        signatures: The signatures, in the order of their key ids.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    def encode(self) -> bytes:
        """The envelope as it is stored: canonical JSON."""
        return canonical(
            {
                "payload": to_base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": [
                    {"keyid": one.keyid, "sig": to_base64(one.value)} for one in self.signatures
                ],
            }
        )

    @classmethod
    def parse(cls, data: bytes, name: str = _WHERE) -> Envelope:
        """Read an envelope, whatever the order of its names and the space between them.

        Raises:
            EvidenceError: It is none, has names that no envelope has, or a signature without key
                id or of one key twice.
            MalformedError: Something is no base64 in its one form.
        """
        where = f"{name}#"
        found = object_of(loads(data, name), where, {"payload", "payloadType", "signatures"})
        signatures = [
            _signature(each, f"{where}/signatures/{number}")
            for number, each in enumerate(list_of(found["signatures"], f"{where}/signatures"))
        ]
        names = {one.keyid for one in signatures}
        if not 0 < len(signatures) == len(names) <= MAX_SIGNATURES:
            expected = f"1 to {MAX_SIGNATURES} signatures, each of another key"
            place = f"{where}/signatures"
            raise EvidenceError(place, expected=expected, found=len(signatures) or "none")
        payload = text_of(found["payload"], f"{where}/payload")
        return cls(
            text_of(found["payloadType"], f"{where}/payloadType"),
            parse_base64(payload, f"{where}/payload"),
            tuple(signatures),
        )


def keyid(key: VerifierKey) -> str:
    """What a key is called in envelopes."""
    return f"{key.name}+{key.key_id.hex()}"


def encoded(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, signers: Iterable[EnvelopeSigner]) -> Envelope:
    """Sign a payload by one or more keys.

    Raises:
        ArgumentError: There is none, or one twice.
    """
    message = encoded(payload_type, payload)
    used = list(signers)
    made = {keyid(each.verifier): each for each in used}
    if not 0 < len(used) == len(made) <= MAX_SIGNATURES:
        refusal = f"signers: expected 1 to {MAX_SIGNATURES} keys, each once, found {len(used)}"
        raise ArgumentError(refusal)
    signatures = (EnvelopeSignature(name, made[name].sign_bytes(message)) for name in sorted(made))
    return Envelope(payload_type, payload, tuple(signatures))


def verify(
    envelope: Envelope, payload_type: str, known: Iterable[VerifierKey]
) -> list[VerifierKey]:
    """Verify every signature by a known key; those of unknown keys say nothing.

    Args:
        envelope: The envelope.
        payload_type: What the payload has to be.
        known: The known keys.

    Returns:
        The keys by which it is signed, at least one, in the order of the signatures.

    Raises:
        EvidenceError: The payload is of another type.
        BadSignatureError: No known key signed, or one signature of a known key is bad.
    """
    if envelope.payload_type != payload_type:
        place = f"{_WHERE}#/payloadType"
        raise EvidenceError(place, expected=payload_type, found=repr(envelope.payload_type))
    by_name = {keyid(key): key for key in known}
    message = encoded(envelope.payload_type, envelope.payload)
    signed = []
    for signature in envelope.signatures:
        key = by_name.get(signature.keyid)
        if key is not None:
            key.check_bytes(message, signature.value)
            signed.append(key)
    if not signed:
        names = ", ".join(sorted(by_name)) or "nobody"
        found = ", ".join(one.keyid for one in envelope.signatures) or "none"
        raise BadSignatureError(_WHERE, expected=f"a signature by one of {names}", found=found)
    return signed


def _signature(value: object, where: str) -> EnvelopeSignature:
    found = object_of(value, where, {"keyid", "sig"})
    name = text_of(found["keyid"], f"{where}/keyid")
    data = parse_base64(text_of(found["sig"], f"{where}/sig"), f"{where}/sig")
    if not (name and data):
        raise EvidenceError(where, expected="a key id and a signature", found="an empty one")
    return EnvelopeSignature(name, data)
