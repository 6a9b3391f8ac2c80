"""Asks witnesses to sign the log's checkpoints, so that not even its keeper can show another past.

Who they are says a policy file. What they signed is appended to the checkpoint that others see, and
kept below `<lake>/audit/cosigned/`, a file for each size of the log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from chimera_assets.audit.publishing import stored_checkpoint
from chimera_assets.audit.third_parties import NotVouched, at_once, post
from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import BadSignatureError, TransparencyError
from chimera_assets.audit.tlog.merkle import consistency_proof
from chimera_assets.audit.tlog.note import Note, Signature
from chimera_assets.audit.tlog.policy import Policy, shown
from chimera_assets.audit.tlog.tiles import TileHashes
from chimera_assets.audit.tlog.witness import (
    AddCheckpoint,
    parse_cosignatures,
    parse_size,
    with_cosignatures,
)
from chimera_assets.errors import ChimeraError

if TYPE_CHECKING:
    from collections.abc import Collection

    from chimera_assets.audit.publishing import Published
    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.lake.objects import Objects

#: The folder of notes with the signatures of witnesses, beside the checkpoint.
COSIGNED = "cosigned"

#: The first POSIX time that no calendar here has.
_YEAR_10_000 = 253_402_300_800
_REMEDIES = {
    HTTPStatus.FORBIDDEN: "it has not this log's keys, which `chimera audit keys` prints",
    HTTPStatus.NOT_FOUND: "it knows no log of that name; `chimera audit keys` prints its keys",
    HTTPStatus.UNPROCESSABLE_ENTITY: "it has signed another history of this log: edited or forked",
}


@dataclass(frozen=True, slots=True)
class _Witness:
    """Whom to ask: the witnesses of a policy that are at one place.

    Attributes:
        name: What the policy calls it; of several keys all names.
        url: Where it is.
        keys: Its keys.
    """

    name: str
    url: str
    keys: tuple[VerifierKey, ...]


def cosign(store: Objects, published: Published, policy: Policy) -> tuple[Note, list[NotVouched]]:
    """Have the newest checkpoint signed by the witnesses that have not signed it yet.

    Args:
        store: The folder beside the lake; it has all tiles of the checkpoint.
        published: The log as it was signed.
        policy: Who the witnesses are.

    Returns:
        The checkpoint with all cosignatures that there are, and who did not sign and why.

    Raises:
        NotVouched: Another checkpoint of that size is there with cosignatures.
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    note, path = published.note, f"{COSIGNED}/{published.checkpoint.size}"
    keys = [one.key for one in policy.witnesses]
    kept = _kept(store, path, note, keys)
    there = signers(kept, keys)
    size_seen, last_signers = _last(store, published, keys)
    hashes = TileHashes(published.checkpoint.size, store.read)
    jobs = {
        witness.name: partial(
            _ask, witness, note, size_seen if {*witness.keys} & {*last_signers} else 0, hashes
        )
        for witness in _witnesses(policy)
        if not {*witness.keys} & {*there}
    }
    failures, new = [], list[Signature]()
    for name, found in at_once(jobs).items():
        if isinstance(found, ChimeraError):
            failures.append(NotVouched(f"witness {name}: {found}"))
        else:
            new += found
    whole = replace(kept, signatures=(*kept.signatures, *new))
    if new:
        store.put(path, whole.encode())
    if (lack := policy.lack(signers(whole, keys))) is not None:
        words = f"expected {lack[0]}, found {lack[1]}; the others are asked again next time"
        failures.append(NotVouched(f"witnesses: {words}"))
    return whole, failures


def _witnesses(policy: Policy) -> list[_Witness]:
    """Each place once, with all keys that the policy has of it."""
    found: dict[str, _Witness] = {}
    for one in policy.witnesses:
        if one.url is not None:
            url = one.url.rstrip("/")
            other = found.get(url)
            name = shown(one.name) if other is None else f"{other.name}, {shown(one.name)}"
            keys = (*(other.keys if other is not None else ()), one.key)
            found[url] = _Witness(name, url, keys)
    return list(found.values())


def _kept(store: Objects, path: str, note: Note, keys: Collection[VerifierKey]) -> Note:
    """The checkpoint with the cosignatures that are there of it already, of which all are good."""
    try:
        found = Note.parse(store.read(path))
    except (FileNotFoundError, TransparencyError):
        return note
    if found.text != note.text:
        msg = f"{store.uri}/{path}: expected this log's checkpoint, found another: edited or forked"
        raise NotVouched(msg)
    good = tuple(one for one in found.signatures if _signer(note.text, one, keys) is not None)
    return replace(note, signatures=(*note.signatures, *good))


def _last(
    store: Objects, published: Published, keys: Collection[VerifierKey]
) -> tuple[int, Collection[VerifierKey]]:
    """The size of the checkpoint that others see now, and which witnesses have signed that."""
    try:
        note = Note.parse(stored_checkpoint(store) or b"")
        size = Checkpoint.parse(note.text).size
    except TransparencyError:
        return 0, ()
    return (size, signers(note, keys)) if size <= published.checkpoint.size else (0, ())


def signers(note: Note, keys: Collection[VerifierKey]) -> dict[VerifierKey, int]:
    """Which of these keys have signed a checkpoint, and when; a bad signature counts for nothing.

    Args:
        note: The checkpoint.
        keys: The witnesses' keys.

    Returns:
        The key and the POSIX time that it says.
    """
    found = (_signer(note.text, one, keys) for one in note.signatures)
    return dict(one for one in found if one is not None)


def _signer(
    text: str, signature: Signature, keys: Collection[VerifierKey]
) -> tuple[VerifierKey, int] | None:
    """The key of one of the witnesses by which a signature is good, and its time."""
    for key in keys:
        if (key.name, key.key_id) == (signature.name, signature.key_id):
            try:
                timestamp = key.check(text, signature.value)
            except BadSignatureError:
                return None
            return (key, timestamp) if timestamp and timestamp < _YEAR_10_000 else None
    return None


def _ask(witness: _Witness, note: Note, old: int, hashes: TileHashes) -> tuple[Signature, ...]:
    """Have a witness sign; it says itself from which size it needs a proof.

    Args:
        witness: Whom to ask.
        note: The checkpoint.
        old: The size that the witness has seen last, as far as we know.
        hashes: The log's tree.

    Raises:
        NotVouched: It does not sign.
        TransparencyError: What it answers is not in the standard's form, or no good signature.
    """
    for _ in range(2):
        answer = post(f"{witness.url}/add-checkpoint", _request(note, old, hashes), "text/plain")
        if answer.status == HTTPStatus.OK:
            signed = with_cosignatures(note, parse_cosignatures(answer.body), witness.keys)
            if not signers(signed, witness.keys):
                msg = "expected a signature of our days, found one of the year 10,000 or later"
                raise NotVouched(msg)
            return signed.signatures[len(note.signatures) :]
        if answer.status != HTTPStatus.CONFLICT:
            break
        old = parse_size(answer.body)
        if old > hashes.size:
            msg = (
                f"expected at most {hashes.size:,} entries, found that it has "
                f"signed {old:,}: the log was rolled back"
            )
            raise NotVouched(msg)
    remedy = "".join(f"; {words}" for status, words in _REMEDIES.items() if status == answer.status)
    msg = f"expected a signature, found {answer.reason}{remedy}"
    raise NotVouched(msg)


def _request(note: Note, old: int, hashes: TileHashes) -> bytes:
    try:
        proof = consistency_proof(old, hashes.size, hashes)
    except FileNotFoundError as error:
        msg = f"the proof for it needs a tile that is gone: {error}"
        raise NotVouched(msg) from None
    return AddCheckpoint(old, tuple(proof), note).encode()
