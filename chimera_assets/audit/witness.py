"""A witness: signs a log's checkpoint if it extends all that it has signed (c2sp.org/tlog-witness).

What a second party runs, so that whoever has the log's keys cannot show two histories.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.keys import KeyKind
from chimera_assets.audit.tlog.note import Note
from chimera_assets.audit.tlog.witness import (
    SIZE_TYPE,
    AddCheckpoint,
    encode_cosignatures,
    encode_size,
    judge,
)
from chimera_assets.audit.witness_state import WitnessState, WitnessStateError, origin_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import SigningKey, VerifierKey

#: What a witness signs with. Ed25519 is what every client knows, ML-DSA-44 what is to stay.
KINDS = (KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44)

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        status: Its status.
        body: Its body.
        content_type: The type of that.
        said: What the witness's operator is told, in one line.
    """

    status: HTTPStatus
    body: bytes
    content_type: str = _TEXT
    said: str = ""

    @classmethod
    def refusal(cls, status: HTTPStatus, reason: str) -> Answer:
        """Say why not."""
        return cls(status, f"{reason}\n".encode("utf-8", "backslashreplace"), said=reason)


class Witness:
    """Signs for the logs that it knows.

    Args:
        keys: Its private keys, of `KINDS`.
        logs: The public keys of the logs; each one's name is its origin.
        folder: Where it remembers what it signed; nobody else may work on it.

    Raises:
        WitnessStateError: What it remembers cannot be read.
    """

    def __init__(
        self, keys: Sequence[SigningKey], logs: Collection[VerifierKey], folder: Path
    ) -> None:
        self._keys = keys
        self._logs = {key.name: [one for one in logs if one.name == key.name] for key in logs}
        self._by_hash = {origin_hash(origin): origin for origin in self._logs}
        self._state = WitnessState(folder, [key.verifier for key in keys])
        #: Held from the look at what was signed last until the next one is kept.
        self.turn = threading.Lock()
        for origin in self._logs:
            self._state.last(origin)

    def add_checkpoint(self, body: bytes, timestamp: int) -> Answer:
        """Sign a checkpoint, after it is remembered, or say why not.

        Args:
            body: The request's body.
            timestamp: The present, as a POSIX time in seconds.
        """
        try:
            asked = AddCheckpoint.parse(body)
        except MalformedError as error:
            return Answer.refusal(HTTPStatus.BAD_REQUEST, str(error))
        origin = Checkpoint.parse(asked.checkpoint.text).origin
        if origin not in self._logs:
            reason = f"expected one of the logs of this witness, found {origin!r}"
            return Answer.refusal(HTTPStatus.NOT_FOUND, reason)
        try:
            with self.turn:
                return self._sign(origin, asked, timestamp)
        except WitnessStateError as error:
            return _forgotten(error)

    def checkpoint(self, hashed: str) -> Answer:
        """The checkpoint that was signed last, with the signatures.

        Args:
            hashed: The SHA-256 of the log's origin, in lowercase hexadecimal digits.
        """
        origin = self._by_hash.get(hashed)
        try:
            note = self._state.last(origin) if origin is not None else None
        except WitnessStateError as error:
            return _forgotten(error)
        if note is None:
            return Answer.refusal(HTTPStatus.NOT_FOUND, "no checkpoint of that log was signed")
        return Answer(HTTPStatus.OK, note.encode())

    def _sign(self, origin: str, asked: AddCheckpoint, timestamp: int) -> Answer:
        last, of_log = self._state.last(origin), self._logs[origin]
        seen = Checkpoint.parse(last.text) if last is not None else None
        verdict = judge(asked, seen, of_log)
        if verdict.size is not None:
            body, said = encode_size(verdict.size), f"{origin}: {verdict.reason}"
            return Answer(verdict.status, body, SIZE_TYPE, said)
        if verdict.cosign is None:
            refused = Answer.refusal(verdict.status, verdict.reason)
            return replace(refused, said=f"{origin}: {verdict.reason}")
        text = verdict.cosign.text
        made = tuple(key.sign(text, timestamp) for key in self._keys)
        ids = {(key.name, key.key_id) for key in of_log}
        by_log = (one for one in asked.checkpoint.signatures if (one.name, one.key_id) in ids)
        self._state.keep(origin, Note(text, (*by_log, *made)))
        said = f"{origin}: signed {verdict.cosign.size:,} entries, {asked.old:,} of them before"
        return Answer(HTTPStatus.OK, encode_cosignatures(made), said=said)


def _forgotten(error: WitnessStateError) -> Answer:
    reason = "this witness cannot read what it signed last, or not write it; its operator knows why"
    answer = Answer.refusal(HTTPStatus.INTERNAL_SERVER_ERROR, reason)
    return replace(answer, said=str(error))
