"""Entry bundles: the entries of a log, up to 256 in a file (c2sp.org/tlog-tiles, "Log entries")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Entries of a full bundle, and hashes of a full tile.
WIDTH = 256

#: An entry's length is told in two bytes.
MAX_ENTRY_BYTES = 0xFFFF

_LENGTH = 2
_ENTRY = "log entry"


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries one after the other, each with its length before it.

    Raises:
        MalformedError: An entry is too long.
    """
    return b"".join(encode_entry(entry) for entry in entries)


def encode_entry(entry: bytes) -> bytes:
    """An entry with its length before it, a big-endian uint16.

    Raises:
        MalformedError: It is too long.
    """
    if len(entry) > MAX_ENTRY_BYTES:
        expected, found = f"at most {MAX_ENTRY_BYTES:,} bytes", f"{len(entry):,}"
        raise MalformedError(_ENTRY, expected=expected, found=found)
    return len(entry).to_bytes(_LENGTH, "big") + entry


def decode_bundle(data: bytes, width: int, where: str) -> list[bytes]:
    """The entries of a bundle.

    Args:
        data: The bundle.
        width: How many entries it has.
        where: Its path.

    Raises:
        MalformedError: There are more or fewer, or bytes of none.
    """
    entries, at = [], 0
    while at < len(data):
        begin = at + _LENGTH
        at = begin + int.from_bytes(data[at:begin], "big")
        entries.append(data[begin:at])
    if at != len(data):
        raise MalformedError(where, expected=f"{at:,} bytes or more", found=f"{len(data):,}")
    if len(entries) != width:
        raise MalformedError(where, expected=f"{width} entries", found=len(entries))
    return entries
