"""Signed notes: text with signature lines below it (c2sp.org/signed-note)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chimera_assets.audit.tlog.encoding import fits_a_line, parse_base64, to_base64
from chimera_assets.audit.tlog.errors import MalformedError

#: A note has no more; the standard asks for at least 16, others that read notes take as many.
MAX_SIGNATURES = 100
MAX_BYTES = 1_000_000

#: Bytes of a key's id, which begin each signature.
KEY_ID_BYTES = 4

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "— "  # U+2014 and a space
_WHERE = "signed note"
_NAME = "key name"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line (signed-note, "Signatures").

    Attributes:
        name: The key's name.
        key_id: The key's id, 4 bytes.
        value: What that key's algorithm made; for a cosignature the time is the first part of it.

    Raises:
        MalformedError: The name cannot be one, or the id or value lacks bytes.
    """

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.value:
            found = f"{len(self.key_id)} and {len(self.value)}"
            raise MalformedError(
                "signature", expected="4 bytes of key id and some after", found=found
            )

    def line(self) -> str:
        """The signature as a line of a note, with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.value)}\n"

    @classmethod
    def parse(cls, line: str, where: str) -> Signature:
        """Read a line without its newline.

        Raises:
            MalformedError: It is no signature line.
        """
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not (line.startswith(_DASH) and space):
            raise MalformedError(where, expected="— <key name> <base64>", found=repr(line))
        data = parse_base64(encoded, where)
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and who signed it; nothing says yet that the signatures are good.

    Attributes:
        text: What is signed, with its last newline.
        signatures: The signatures, at least one.
    """

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The note as it is stored and sent.

        Raises:
            MalformedError: The text cannot be a note's, or too few or many signatures are there.
        """
        if not self.text.endswith("\n"):
            raise MalformedError(_WHERE, expected="a text that ends with a newline", found="none")
        _check_count(len(self.signatures))
        whole = f"{self.text}\n{''.join(each.line() for each in self.signatures)}"
        data = whole.encode("utf-8", "surrogatepass")
        decode_text(data, _WHERE)
        return data

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a note (signed-note, "Format").

        Raises:
            MalformedError: Where it is not as `encode` would write it.
        """
        whole = decode_text(data, _WHERE)
        text, blank, block = whole.rpartition("\n\n")
        if not blank:
            raise MalformedError(
                _WHERE, expected="an empty line before the signatures", found="none"
            )
        return cls(f"{text}\n", parse_signatures(block, _WHERE))


def parse_signatures(block: str, where: str) -> tuple[Signature, ...]:
    """Read signature lines, one or more, each with its newline.

    Raises:
        MalformedError: Something else is there.
    """
    lines = block.split("\n")
    if lines.pop():
        raise MalformedError(where, expected="a newline at its end", found=repr(block[-20:]))
    _check_count(len(lines))
    return tuple(
        Signature.parse(line, f"{where}, signature {number}")
        for number, line in enumerate(lines, start=1)
    )


def decode_text(data: bytes, where: str) -> str:
    """The text of bytes that may be a note, or hold one (signed-note, "Format").

    Raises:
        MalformedError: Too many bytes, no UTF-8, or control characters other than newlines.
    """
    if len(data) > MAX_BYTES:
        expected = f"at most {MAX_BYTES:,} bytes"
        raise MalformedError(where, expected=expected, found=f"{len(data):,}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(where, expected="UTF-8", found=error) from error
    control = _CONTROL.search(text)
    if control is not None:
        expected = "no control characters but newlines"
        raise MalformedError(where, expected=expected, found=repr(control[0]))
    return text


def check_key_name(name: str) -> None:
    """Refuse what cannot be a key's name (signed-note, "Format").

    Raises:
        MalformedError: It is empty, or has a space, a plus or what no line can have.
    """
    if not fits_a_line(name) or "+" in name or any(map(str.isspace, name)):
        raise MalformedError(_NAME, expected="one without spaces and plus", found=repr(name))


def _check_count(signatures: int) -> None:
    if not 1 <= signatures <= MAX_SIGNATURES:
        expected = f"1 to {MAX_SIGNATURES} signatures"
        raise MalformedError(_WHERE, expected=expected, found=signatures)
