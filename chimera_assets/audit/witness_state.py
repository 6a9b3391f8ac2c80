"""What a witness remembers of each log: the checkpoint that it signed last, in a file."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.note import MAX_BYTES, Note
from chimera_assets.audit.tlog.signing import verify
from chimera_assets.errors import ChimeraError
from chimera_assets.paths import regular_text, write_private

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import VerifierKey


class WitnessStateError(ChimeraError):
    """What a witness remembers cannot be read or written, so that it must not sign.

    Args:
        path: The file.
        problem: What was expected and found.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}; nothing is signed for this log until the file is back as it was "
            "written last: with an older one, the witness could sign two histories"
        )


class WitnessState:
    """The files of a witness, one a log, named by the SHA-256 of the log's origin.

    Args:
        folder: Where they are; made if it is missing.
        keys: The witness's own public keys.
    """

    def __init__(self, folder: Path, keys: Collection[VerifierKey]) -> None:
        self._folder = folder
        self._keys = keys

    def last(self, origin: str) -> Note | None:
        """The checkpoint of a log that was signed last; None if none ever was.

        Raises:
            WitnessStateError: The file is not one that this witness has written.
        """
        path = self._path(origin)
        try:
            note = Note.parse(regular_text(path, MAX_BYTES).encode())
            found = Checkpoint.parse(note.text)
            verify(note, self._keys)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            problem = error.strerror if isinstance(error, OSError) else "no text"
            raise WitnessStateError(path, f"expected a checkpoint, found {problem}") from None
        except TransparencyError as error:
            raise WitnessStateError(path, str(error)) from None
        if found.origin != origin:
            problem = f"expected a checkpoint of {origin}, found one of {found.origin}"
            raise WitnessStateError(path, problem)
        return note

    def keep(self, origin: str, note: Note) -> None:
        """Remember a checkpoint, for good: not even a machine that loses power forgets it.

        Raises:
            WitnessStateError: It could not be written; what was there still is.
        """
        path = self._path(origin)
        try:
            write_private(path, note.encode())
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)  # the file's name, too
            finally:
                os.close(folder)
        except OSError as error:
            raise WitnessStateError(path, f"cannot be written: {error.strerror}") from None

    def _path(self, origin: str) -> Path:
        return self._folder / f"{origin_hash(origin)}.checkpoint"


def origin_hash(origin: str) -> str:
    """A log's origin as paths have it (tlog-witness, "Monitor Retrieval Mechanism")."""
    return sha256(origin.encode()).hexdigest()
