"""The keys that sign checkpoints and reports: a file for its user's eyes alone, or a variable.

A line a key, `PRIVATE+KEY+…`. All of them sign, so that while keys are exchanged whoever knows the
old ones or the new ones can verify. They share one name, which is the log's origin.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.keys import SEED_BYTES, KeyKind, SigningKey
from chimera_assets.errors import ChimeraError
from chimera_assets.paths import UnusablePath, regular_text, usable_path, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.settings import Settings

#: Ed25519 comes first, which every client of such logs knows; ML-DSA-44 stands for the day when a
#: quantum computer forges the other.
KINDS = (KeyKind.ED25519, KeyKind.ML_DSA_44)

_SETTING = "CHIMERA_SIGNING_KEY"
_VARIABLE = "env:"
_MOST_BYTES = 100_000
_HEADER = (
    "# The keys that sign the audit log and the reports. Whoever has this file can sign in its\n"
    "# name: keep it secret, and keep a copy of it. See docs/audit.md.\n"
)


class SigningKeyError(ChimeraError):
    """The keys that sign cannot be had.

    Args:
        where: The file or the variable.
        problem: What was expected and found.
        remedy: What to do.
    """

    def __init__(self, where: object, problem: str, remedy: str) -> None:
        super().__init__(f"{_SETTING}: {where}: {problem}; {remedy}")


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
        return _parsed(text, name)
    try:
        text = regular_text(path, _MOST_BYTES)
        _require_private(path)
    except FileNotFoundError:
        if not settings.signing_key:
            return None
        remedy = "name the file of this log's keys, or `chimera audit keys --new` makes some there"
        raise SigningKeyError(path, "expected a key file, found none", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "no text"
        raise SigningKeyError(
            path, f"expected a key file, found {found}", "name the file of this log's keys"
        ) from None
    return _parsed(text, path)


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
    lines = "".join(f"{key.encode()}\n" for key in keys.keys)
    if path is None:
        name = settings.signing_key.removeprefix(_VARIABLE)
        problem = "expected a file to change, found a variable"
        raise SigningKeyError(name, problem, "change the keys where the variable is set")
    try:
        if not settings.signing_key:
            settings.home_folder("keys")
        write_private(path, (_HEADER + lines).encode())
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise SigningKeyError(path, problem, "name a file that can") from None


def _parsed(text: str, where: object) -> SigningKeys:
    lines = [line.strip() for line in text.splitlines()]
    given = [line for line in lines if line and not line.startswith("#")]
    remedy = "bring back the file as it was made"
    try:
        keys = tuple(map(SigningKey.parse, given))
    except MalformedError as error:
        raise SigningKeyError(where, str(error), remedy) from None
    names = {key.verifier.name for key in keys}
    if len(names) != 1:
        found = ", ".join(sorted(names)) or "none"
        raise SigningKeyError(where, f"expected keys of one name, found {found}", remedy)
    if len({key.verifier for key in keys}) != len(keys):
        raise SigningKeyError(where, "expected each key once, found one twice", remedy)
    return SigningKeys(keys)


def _require_private(path: Path) -> None:
    """Refuse a file that others may read; a group may, where somebody else has mounted it so.

    Raises:
        SigningKeyError: Others may.
    """
    found = path.stat()
    others = 0o077 if found.st_uid == os.geteuid() else 0o007
    if stat.S_IMODE(found.st_mode) & others:
        problem = f"expected a file for its user alone, found mode {stat.S_IMODE(found.st_mode):o}"
        raise SigningKeyError(path, problem, f"chmod 600 {path}; if others saw it, change the keys")


def key_details(keys: tuple[SigningKey, ...]) -> dict[str, object]:
    """Keys as an entry names them: a public key of one kind is too long for it."""
    return {
        f"{key.verifier.key_id.hex()} {key.verifier.kind.name}": "SHA-256 of the public key "
        + hashlib.sha256(key.verifier.public).hexdigest()
        for key in keys
    }
