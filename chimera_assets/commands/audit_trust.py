"""Whom `chimera audit verify` is told to trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.x509 import load_pem_x509_certificates

from chimera_assets.audit.policy_file import read_policy
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.keys import VerifierKey
from chimera_assets.errors import ArgumentError
from chimera_assets.paths import regular_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate

    from chimera_assets.audit.tlog.policy import Policy

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Trust:
    """What was given.

    Attributes:
        keys: Public keys of the log.
        policy: Which witnesses have to have signed.
        tsa_roots: Root certificates of timestamp authorities.
    """

    keys: tuple[VerifierKey, ...]
    policy: Policy | None
    tsa_roots: tuple[Certificate, ...]


def trust_of(keys: Sequence[str], policy: Path | None, tsa_roots: Sequence[Path]) -> Trust:
    """Read what was given; the logs of a policy are trusted like keys.

    Raises:
        ArgumentError: A key is none, or a file has no certificates.
        PolicyError: The policy cannot be read.
    """
    read = read_policy(policy, "--policy") if policy is not None else None
    of_logs = [one.key for one in read.logs] if read is not None else []
    trusted = dict.fromkeys([*(public_key(key, "--key") for key in keys), *of_logs])
    roots = [certificate for path in tsa_roots for certificate in _certificates(path)]
    return Trust(tuple(trusted), read, tuple(dict.fromkeys(roots)))


def public_key(given: str, option: str) -> VerifierKey:
    """The public key of a log that was given.

    Raises:
        ArgumentError: It is none.
    """
    try:
        return VerifierKey.parse(given)
    except TransparencyError as error:
        msg = f"{option}: {error}; `chimera audit keys` prints those of a log"
        raise ArgumentError(msg) from None


def _certificates(path: Path) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(regular_bytes(path, _MOST_BYTES))
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) else "none"
        msg = f"--tsa-root: {path}: expected certificates in PEM, found {found}"
        raise ArgumentError(msg) from None
