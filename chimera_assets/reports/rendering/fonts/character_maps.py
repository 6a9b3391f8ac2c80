"""Which characters a font file has a glyph for: its table `cmap` (OpenType 1.9, "cmap").

Read here because it is all that is needed of a font: some twenty lines of two formats.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Characters from the first to the last, both included.
Span = tuple[int, int]

#: The tables of all characters, and of the first 65,536: (platform, encoding), the better first.
_UNICODE = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3))
_SEGMENTS, _GROUPS = 4, 12


def spans(path: Path) -> list[Span]:
    """The characters of a font file; of a collection those of its first font, ascending.

    Raises:
        ValueError: It has no map of Unicode.
    """
    font = path.read_bytes()
    table = _table(font)
    count = struct.unpack_from(">H", font, table + 2)[0]
    records = (struct.unpack_from(">HHI", font, table + 4 + 8 * at) for at in range(count))
    places = {(platform, encoding): table + offset for platform, encoding, offset in records}
    for kind in _UNICODE:
        if (at := places.get(kind)) is not None:
            form = struct.unpack_from(">H", font, at)[0]
            if form in {_SEGMENTS, _GROUPS}:
                return list(_grouped(font, at) if form == _GROUPS else _segmented(font, at))
    msg = f"{path}: expected a character map of format 4 or 12, found none"
    raise ValueError(msg)


def _table(font: bytes) -> int:
    start = struct.unpack_from(">I", font, 12)[0] if font[:4] == b"ttcf" else 0
    count = struct.unpack_from(">H", font, start + 4)[0]
    for at in range(start + 12, start + 12 + 16 * count, 16):
        tag, _, offset, _ = struct.unpack_from(">4sIII", font, at)
        if tag == b"cmap":
            return int(offset)
    msg = "expected a font with a table cmap, found none"
    raise ValueError(msg)


def _grouped(font: bytes, at: int) -> list[Span]:
    count = struct.unpack_from(">I", font, at + 12)[0]
    groups = struct.iter_unpack(">III", font[at + 16 : at + 16 + 12 * count])
    return [(first, last) for first, last, _ in groups]


def _segmented(font: bytes, at: int) -> list[Span]:
    count = struct.unpack_from(">H", font, at + 6)[0] // 2
    lasts = struct.unpack_from(f">{count}H", font, at + 14)
    firsts = struct.unpack_from(f">{count}H", font, at + 16 + 2 * count)
    return [span for span in zip(firsts, lasts, strict=True) if span != (0xFFFF, 0xFFFF)]
