"""Signing notes and verifying them (c2sp.org/signed-note, "Signatures")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.errors import BadSignatureError
from chimera_assets.audit.tlog.note import Note
from chimera_assets.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.audit.tlog.keys import Signer, VerifierKey

_WHERE = "signed note"


@dataclass(frozen=True, slots=True)
class Verified:
    """A key by which a note is signed.

    Attributes:
        key: The key.
        timestamp: When, as the signer says, a POSIX time in seconds; the latest of several. None
            for kinds of keys that do not tell.
    """

    key: VerifierKey
    timestamp: int | None


def sign(text: str, signers: Iterable[Signer], timestamp: int) -> Note:
    """Sign a text by one or more keys.

    Args:
        text: The text, with its last newline.
        signers: The keys, in the order of their lines.
        timestamp: When, as a POSIX time in seconds.

    Raises:
        MalformedError: A key signs checkpoints, and the text is none.
    """
    return Note(text, tuple(signer.sign(text, timestamp) for signer in signers))


def verify(note: Note, verifiers: Iterable[VerifierKey], *, needed: int = 1) -> list[Verified]:
    """Verify every signature by a known key; those of unknown keys say nothing.

    Args:
        note: The note.
        verifiers: The known keys.
        needed: By how many of them it has to be signed.

    Returns:
        The keys by which it is signed, in the order of `verifiers`.

    Raises:
        BadSignatureError: It is not signed by so many, or one signature of a known key is bad.
        MalformedError: A known key signs checkpoints, and the text is none.
        ArgumentError: Two known keys share name and id, or no signature is needed.
    """
    if needed < 1:
        message = f"signatures needed: expected at least 1, found {needed}"
        raise ArgumentError(message)
    known = _by_name_and_id(verifiers)
    times: dict[VerifierKey, list[int]] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            timestamp = key.check(note.text, signature.value)
            times.setdefault(key, []).extend([] if timestamp is None else [timestamp])
    if len(times) < needed:
        names = ", ".join(sorted({key.name for key in known.values()})) or "nobody"
        expected = f"signatures by {needed} of the known keys ({names})"
        raise BadSignatureError(_WHERE, expected=expected, found=len(times))
    return [Verified(key, max(times[key], default=None)) for key in known.values() if key in times]


def _by_name_and_id(verifiers: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in verifiers:
        if known.setdefault((key.name, key.key_id), key) != key:
            message = f"keys {key.name}: expected ids that differ, found two of one id"
            raise ArgumentError(message)
    return known
