"""Proofs that the log has an entry, for whoever has the log's public keys and nothing else."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chimera_assets.audit.publishing import NotPublished, stored_checkpoint
from chimera_assets.audit.tlog.checking import check_inclusion
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.encoding import parse_base64
from chimera_assets.audit.tlog.errors import (
    BadProofError,
    BadSignatureError,
    MalformedError,
    TransparencyError,
)
from chimera_assets.audit.tlog.merkle import inclusion_proof, leaf_hash
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.proof import Proof, Proven, verify
from chimera_assets.audit.tlog.tiles import TileHashes
from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.audit.tlog.policy import Policy
    from chimera_assets.lake.objects import Objects


class NoSuchEntry(ChimeraError):  # noqa: N818
    """The log has no entry of that number, or has not signed it yet.

    Args:
        sequence: The number.
        size: How many entries are signed.
    """

    def __init__(self, sequence: int, size: int) -> None:
        known = f"one from 0 to {size - 1:,}" if size else "none yet: nothing is signed"
        super().__init__(f"entry: expected {known}, found {sequence:,}")


class Prover:
    """Proves entries by the checkpoint that others see, cosignatures included.

    Args:
        store: The folder beside the lake.

    Raises:
        NotPublished: There is no checkpoint, or none that can be read.
    """

    def __init__(self, store: Objects) -> None:
        data = stored_checkpoint(store)
        if data is None:
            raise NotPublished(store.uri, "expected a checkpoint, found none")
        try:
            self._note = Note.parse(data)
            self.checkpoint = Checkpoint.parse(self._note.text)
        except TransparencyError as error:
            raise NotPublished(store.uri, str(error)) from None
        self._hashes = TileHashes(self.checkpoint.size, store.read)
        self._where = store.uri

    def prove(self, sequence: int, leaf: bytes) -> Proof:
        """Prove an entry.

        Args:
            sequence: Its number.
            leaf: The entry as canonical JSON; it goes with the proof, as its extra data.

        Raises:
            NoSuchEntry: The checkpoint's tree has no such entry.
            NotPublished: The files beside the lake are not those of the checkpoint, or the entry is
                not the one in them.
        """
        size, root = self.checkpoint.size, self.checkpoint.root
        if not 0 <= sequence < size:
            raise NoSuchEntry(sequence, size)
        try:
            path = tuple(inclusion_proof(sequence, size, self._hashes))
            check_inclusion(leaf_hash(leaf), sequence, size, path, root)
        except (FileNotFoundError, TransparencyError) as error:
            raise NotPublished(self._where, str(error)) from None
        return Proof(sequence, path, self._note, extra=leaf)


def verify_entry(
    data: bytes, keys: Collection[VerifierKey], policy: Policy | None = None
) -> tuple[dict[str, Any], Proven]:
    """Verify a proof with its entry, as `chimera audit prove` writes it, by public keys alone.

    Args:
        data: The proof.
        keys: The keys of the logs that are trusted.
        policy: Which witnesses have to have signed, too.

    Returns:
        The entry, and by whom its checkpoint is signed.

    Raises:
        MalformedError: It is no proof, or what it carries is no entry of that number.
        BadSignatureError: None of the keys signed it, a signature is bad, or the quorum lacks one.
        BadProofError: The log does not have this entry at this place.
    """
    proof = Proof.parse(data)
    witnesses = [one.key for one in policy.witnesses] if policy is not None else []
    proven = verify(proof, leaf_hash(proof.extra), keys, witnesses)
    if policy is not None:
        _require_quorum(policy, [one.key for one in proven.witnesses])
    try:
        entry = json.loads(proof.extra)
        sequence = entry["sequence"]
    except (ValueError, TypeError, KeyError):
        sequence = None
    if sequence != proof.index:
        where, expected = "tlog-proof, extra", f"entry {proof.index:,} as canonical JSON"
        raise MalformedError(where, expected=expected, found="something else")
    return entry, proven


def _require_quorum(policy: Policy, signed: Collection[VerifierKey]) -> None:
    if (lack := policy.lack(signed)) is not None:
        expected, found = lack
        where = "tlog-proof, witnesses"
        raise BadSignatureError(where, expected=expected, found=found)


def verify_exported(
    line: bytes, keys: Collection[VerifierKey], policy: Policy | None = None
) -> tuple[dict[str, Any], Proven]:
    """Verify a line of `chimera audit export`: the entry, and its details if they are there.

    Args:
        line: The line.
        keys: The keys of the logs that are trusted.
        policy: Which witnesses have to have signed, too.

    Raises:
        MalformedError: It is none.
        BadSignatureError: None of the keys signed its checkpoint, a signature is bad, or the quorum
            lacks one.
        BadProofError: The log does not have this entry, or the entry was made of other details.
    """
    where = "line of an export"
    try:
        said = json.loads(line)
        details, salt, proof = said["details"], said["salt"], said["proof"].encode()
    except (ValueError, TypeError, KeyError, AttributeError):
        expected = "an object with details, salt and proof"
        raise MalformedError(where, expected=expected, found="something else") from None
    entry, proven = verify_entry(proof, keys, policy)
    if details is not None:
        made = sha256(parse_base64(str(salt), f"{where}, salt") + str(details).encode()).hexdigest()
        if made != entry.get("commitment"):
            raise BadProofError(where, expected="what the entry was made of", found="others")
    return entry, proven
