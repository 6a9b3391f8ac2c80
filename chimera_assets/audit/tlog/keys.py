"""Keys that sign notes and checkpoints, and the public ones that verify them.

Which kinds there are say c2sp.org/signed-note ("Signature types") and c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.cosignature import (
    TIMESTAMP_BYTES,
    ed25519_message,
    encode_timestamp,
    ml_dsa_message,
)
from chimera_assets.audit.tlog.encoding import SIZE_LIMIT, parse_base64, to_base64
from chimera_assets.audit.tlog.errors import (
    BadSignatureError,
    MalformedError,
    TransparencyError,
)
from chimera_assets.audit.tlog.note import KEY_ID_BYTES, Signature, check_key_name
from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bytes of the secret that a key of any kind is made of (RFC 8032, section 5.1.5; FIPS 204).
SEED_BYTES = 32

_WHERE, _SECRET_WHERE = "verifier key", "signing key"
#: Of a secret that cannot be read not even a part is shown.
_UNSHOWN = "another text, which is not shown"
_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105 - what says that a secret follows

_Private: TypeAlias = Ed25519PrivateKey | MLDSA44PrivateKey
_Public: TypeAlias = Ed25519PublicKey | MLDSA44PublicKey


class KeyKind(IntEnum):
    """The signature types that we speak, by their identifier bytes."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44 = 0x06


@dataclass(frozen=True, slots=True)
class _Algorithm:
    public_bytes: int
    private: Callable[[bytes], _Private]
    public: Callable[[bytes], _Public]


_ED25519 = _Algorithm(32, Ed25519PrivateKey.from_private_bytes, Ed25519PublicKey.from_public_bytes)
_ML_DSA = _Algorithm(1312, MLDSA44PrivateKey.from_seed_bytes, MLDSA44PublicKey.from_public_bytes)
_ALGORITHMS = {
    KeyKind.ED25519: _ED25519,
    KeyKind.ED25519_COSIGNATURE: _ED25519,
    KeyKind.ML_DSA_44: _ML_DSA,
}


class Signer(Protocol):
    """What signs a note: a `SigningKey`, or a key that never leaves its keeper."""

    def sign(self, text: str, timestamp: int) -> Signature:
        """Sign a note's text; `timestamp` is the POSIX time in seconds, for kinds that tell it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key; as text, a vkey (signed-note, "Verifier keys").

    Attributes:
        name: The key's name.
        kind: What it signs, and how.
        public: The public key, 32 bytes for Ed25519 and 1,312 for ML-DSA-44.

    Raises:
        MalformedError: The name or the public key's length is wrong.
    """

    name: str
    kind: KeyKind
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        expected = _ALGORITHMS[self.kind].public_bytes
        if len(self.public) != expected:
            found = f"{len(self.public)} bytes"
            raise MalformedError(_WHERE, expected=f"{expected} bytes of public key", found=found)

    @property
    def key_id(self) -> bytes:
        """The key's id, 4 bytes, which goes with its name in signatures."""
        return sha256(self.name.encode() + b"\n" + self._material).digest()[:KEY_ID_BYTES]

    @property
    def _material(self) -> bytes:
        return bytes([self.kind]) + self.public

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(self._material)}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Read a vkey.

        Raises:
            MalformedError: It is none, of a kind that we do not speak, or its id is another's.
        """
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        if not encoded:
            raise MalformedError(_WHERE, expected="NAME+HASH+KEY", found=repr(vkey))
        material = parse_base64(encoded, _WHERE)
        if material[:1] not in {bytes([kind]) for kind in KeyKind}:
            expected = f"signature type {', '.join(f'{kind:#04x}' for kind in KeyKind)}"
            raise MalformedError(_WHERE, expected=expected, found=material[:1].hex() or "none")
        key = cls(name, KeyKind(material[0]), material[1:])
        if key_id != key.key_id.hex():
            raise MalformedError(_WHERE, expected=f"key id {key.key_id.hex()}", found=repr(key_id))
        return key

    def check(self, text: str, value: bytes) -> int | None:
        """Verify a signature of a note's text.

        Returns:
            When it was made, as the signer says: a POSIX time; None for kinds that do not tell.

        Raises:
            BadSignatureError: It is not by this key, or not of this text.
            MalformedError: It is one of a checkpoint, and the text is none.
        """
        of_time = TIMESTAMP_BYTES if self.kind is not KeyKind.ED25519 else 0
        timestamp = int.from_bytes(value[:of_time], "big")
        if timestamp >= SIZE_LIMIT:
            raise BadSignatureError(self._where, expected="a time below 2**63", found=timestamp)
        self._check(_message(self.kind, self.name, text, timestamp), value[of_time:])
        return timestamp if of_time else None

    def check_bytes(self, data: bytes, value: bytes) -> None:
        """Verify a signature of bytes that are no note; see `SigningKey.sign_bytes`.

        Raises:
            BadSignatureError: It is not by this key, or not of these bytes.
            ArgumentError: The key is a witness's, which signs nothing but checkpoints.
        """
        _require_own_words(self)
        self._check(data, value)

    def _check(self, message: bytes, value: bytes) -> None:
        try:
            _ALGORITHMS[self.kind].public(self.public).verify(value, message)
        except InvalidSignature:
            expected = "one by that key of this text"
            raise BadSignatureError(self._where, expected=expected, found="another") from None

    @property
    def _where(self) -> str:
        return f"signature of {self.name} ({self.key_id.hex()})"


class SigningKey:
    """A private key in this process's memory.

    Args:
        name: The key's name; of a log's keys its origin.
        kind: What it signs, and how.
        seed: 32 bytes that nobody can guess.

    Raises:
        ArgumentError: A seed of another length.
        MalformedError: The name cannot be a key's.
    """

    def __init__(self, name: str, kind: KeyKind, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            message = f"key {name}: expected a seed of 32 bytes, found {len(seed)} bytes"
            raise ArgumentError(message)
        self._seed = seed
        self._private = _ALGORITHMS[kind].private(seed)
        self.verifier = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    def encode(self) -> str:
        """The secret as text: `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`.

        So do Go's golang.org/x/mod/sumdb/note and what grew from it write keys.
        """
        key = self.verifier
        material = to_base64(bytes([key.kind]) + self._seed)
        return f"{_SECRET_PREFIX}{key.name}+{key.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, secret: str) -> SigningKey:
        """Read a secret as `encode` writes it.

        Raises:
            MalformedError: It is none, of a kind that we do not speak, or its id is another's.
        """
        name, _, rest = secret.removeprefix(_SECRET_PREFIX).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            material = parse_base64(encoded, _SECRET_WHERE)
            key = cls(name, KeyKind(material[0]), material[1:])
        except (TransparencyError, ArgumentError, ValueError, IndexError):
            key = None
        if key is None or not secret.startswith(_SECRET_PREFIX):
            expected = f"{_SECRET_PREFIX}<name>+<key id>+<base64 of type and seed>"
            raise MalformedError(_SECRET_WHERE, expected=expected, found=_UNSHOWN)
        if key_id != key.verifier.key_id.hex():
            expected = f"key id {key.verifier.key_id.hex()}, as name and secret make it"
            raise MalformedError(_SECRET_WHERE, expected=expected, found=repr(key_id))
        return key

    def sign(self, text: str, timestamp: int) -> Signature:
        """Sign a note's text.

        Args:
            text: The text, with its last newline.
            timestamp: When, as a POSIX time in seconds; kinds that do not tell it do not sign it.

        Raises:
            MalformedError: The key signs checkpoints, and the text is none; or the time is no time.
        """
        key = self.verifier
        of_time = b"" if key.kind is KeyKind.ED25519 else encode_timestamp(timestamp)
        signature = self._private.sign(_message(key.kind, key.name, text, timestamp))
        return Signature(key.name, key.key_id, of_time + signature)

    def sign_bytes(self, data: bytes) -> bytes:
        """Sign bytes that say themselves what they are, and are no note: such as DSSE's.

        Nothing is put before them, so they must not be what the key signs in other formats: of
        Ed25519 the text of a note, which ends with a newline; of ML-DSA-44 what begins with
        `subtree/v1`.

        Raises:
            ArgumentError: The key is a witness's, which signs nothing but checkpoints.
        """
        _require_own_words(self.verifier)
        return self._private.sign(data)


def _require_own_words(key: VerifierKey) -> None:
    if key.kind is KeyKind.ED25519_COSIGNATURE:
        expected = f"a key of kind {KeyKind.ED25519:#04x} or {KeyKind.ML_DSA_44:#04x}"
        message = f"key {key.name}: expected {expected}, found that of a witness"
        raise ArgumentError(message)


def _message(kind: KeyKind, name: str, text: str, timestamp: int) -> bytes:
    if kind is KeyKind.ED25519:
        return text.encode()
    checkpoint = Checkpoint.parse(text)
    if kind is KeyKind.ML_DSA_44:
        return ml_dsa_message(name, checkpoint, timestamp)
    return ed25519_message(checkpoint, timestamp)
