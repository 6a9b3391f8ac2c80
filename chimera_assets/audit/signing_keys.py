"""The keys that sign checkpoints and reports: a file for its user's eyes alone, or a variable.

A line a key, `PRIVATE+KEY+…`. All of them sign, so that while keys are exchanged whoever knows the
old ones or the new ones can verify. They share one name, which is the log's origin.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.key_files import KeyFileError, parse_keys, read_keys, write_keys
from chimera_assets.audit.tlog.keys import SEED_BYTES, KeyKind, SigningKey
from chimera_assets.paths import UnusablePath, usable_path

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.settings import Settings

#: Ed25519 comes first, which every client of such logs knows; ML-DSA-44 stands for the day when a
#: quantum computer forges the other.
KINDS = (KeyKind.ED25519, KeyKind.ML_DSA_44)

_SETTING = "CHIMERA_SIGNING_KEY"
_VARIABLE = "env:"
_HEADER = (
    "# The keys that sign the audit log and the reports. Whoever has this file can sign in its\n"
    "# name: keep it secret, and keep a copy of it. See docs/audit.md.\n"
)


class SigningKeyError(KeyFileError):
    """The keys that sign cannot be had.

    Args:
        where: The file or the variable.
        problem: What was expected and found.
        remedy: What to do.
    """

    def __init__(self, where: object, problem: str, remedy: str) -> None:
        super().__init__(f"{_SETTING}: {where}", problem, remedy)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of a log, all of one name.

    Attributes:
        keys: One or more, the oldest first.
    """

    keys: tuple[SigningKey, ...]

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys[0].verifier.name

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public keys."""
        return tuple(key.verifier for key in self.keys)


def key_file(settings: Settings) -> Path | None:
    """Where the keys are; None if a variable holds them.

    Raises:
        SigningKeyError: The setting names nothing that can be a file.
    """
    if settings.signing_key.startswith(_VARIABLE):
        return None
    if not settings.signing_key:
        return settings.home / "keys" / "signing.key"
    try:
        return usable_path(settings.signing_key)
    except UnusablePath as error:
        raise SigningKeyError(error, "expected a file", "name another one") from None


def load_keys(settings: Settings) -> SigningKeys | None:
    """The keys; None if there is no file where it would be by default.

    Raises:
        SigningKeyError: They cannot be read, others may read them, or they are no keys.
    """
    path = key_file(settings)
    if path is None:
        name = settings.signing_key.removeprefix(_VARIABLE)
        text = os.environ.get(name, "")
        if not text:
            problem = "expected the keys in this variable, found nothing"
            raise SigningKeyError(name, problem, "set it to the lines of the key file")
        try:
            return SigningKeys(parse_keys(text, name))
        except KeyFileError as error:
            raise _of_setting(error) from None
    try:
        return SigningKeys(read_keys(path))
    except FileNotFoundError:
        if not settings.signing_key:
            return None
        remedy = "name the file of this log's keys, or `chimera audit keys --new` makes some there"
        raise SigningKeyError(path, "expected a key file, found none", remedy) from None
    except KeyFileError as error:
        raise _of_setting(error) from None


def new_keys(name: str | None = None) -> tuple[SigningKey, ...]:
    """New keys, one of each kind.

    Args:
        name: That of the log whose keys they join; None for a new log.
    """
    name = name or f"chimera/{secrets.token_hex(8)}"
    return tuple(SigningKey(name, kind, secrets.token_bytes(SEED_BYTES)) for kind in KINDS)


def store_keys(settings: Settings, keys: SigningKeys) -> None:
    """Write the key file.

    Raises:
        SigningKeyError: A variable holds the keys, or the file cannot be written.
    """
    path = key_file(settings)
    if path is None:
        name = settings.signing_key.removeprefix(_VARIABLE)
        problem = "expected a file to change, found a variable"
        raise SigningKeyError(name, problem, "change the keys where the variable is set")
    if not settings.signing_key:
        settings.home_folder("keys")
    try:
        write_keys(path, keys.keys, _HEADER)
    except KeyFileError as error:
        raise _of_setting(error) from None


def _of_setting(error: KeyFileError) -> SigningKeyError:
    return SigningKeyError(error.where, error.problem, error.remedy)


def key_details(keys: tuple[SigningKey, ...]) -> dict[str, object]:
    """Keys as an entry names them: a public key of one kind is too long for it."""
    return {
        f"{key.verifier.key_id.hex()} {key.verifier.kind.name}": "SHA-256 of the public key "
        + hashlib.sha256(key.verifier.public).hexdigest()
        for key in keys
    }
