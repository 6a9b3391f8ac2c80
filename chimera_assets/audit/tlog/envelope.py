"""Lines, an empty line and a signed checkpoint: the form of proofs and of requests to witnesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.checkpoint import Checkpoint
from chimera_assets.audit.tlog.encoding import parse_hash, to_base64
from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.note import Note, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Trees have fewer than 2**63 leaves, so no proof is longer (tlog-witness, "add-checkpoint").
MAX_HASHES = 63


def encode_envelope(lines: Iterable[str], hashes: Sequence[bytes], note: Note) -> bytes:
    """The lines, those of the hashes, and the note after an empty one."""
    head = "\n".join([*lines, *map(to_base64, hashes)])
    return f"{head}\n\n".encode() + note.encode()


def parse_envelope(data: bytes, where: str) -> tuple[list[str], Note]:
    """The lines before the first empty one, and the checkpoint's note after it.

    Raises:
        MalformedError: There is none, or it is no checkpoint.
    """
    head, blank, _ = decode_text(data, where).partition("\n\n")
    if not blank:
        raise MalformedError(where, expected="an empty line before a checkpoint", found="none")
    note = Note.parse(data[len(f"{head}{blank}".encode()) :])
    Checkpoint.parse(note.text)
    return head.split("\n"), note


def parse_hashes(lines: Sequence[str], where: str) -> tuple[bytes, ...]:
    """The hashes of a proof, one a line.

    Raises:
        MalformedError: A line is none, or there are more than any proof has.
    """
    if len(lines) > MAX_HASHES:
        raise MalformedError(where, expected=f"at most {MAX_HASHES} hashes", found=len(lines))
    return tuple(
        parse_hash(line, f"{where}, hash {number}") for number, line in enumerate(lines, start=1)
    )


def parse_field(line: str, name: str, where: str) -> str:
    """What a line says after its name and a space.

    Raises:
        MalformedError: It is a line of something else.
    """
    found, space, value = line.partition(" ")
    if found != name or not space:
        raise MalformedError(where, expected=f"a line `{name} …`", found=repr(line))
    return value
