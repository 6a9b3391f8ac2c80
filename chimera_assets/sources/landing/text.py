"""Text files in pieces of whole lines: decompressed, counted, bounded in memory."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera_assets.sources.landing.damage import CorruptFile, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

#: Bytes of text that are parsed at a time.
PIECE_BYTES = 16 * 2**20

#: A longer line is no line.
LINE_BYTES = 64 * 2**20

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class Parsed:
    """What a piece of a file holds.

    Attributes:
        rows: Columns of the contract, each in its type or as text, and `_line`.
        malformed: The lines that are no rows: number and text.
    """

    rows: pl.DataFrame
    malformed: list[tuple[int, str]] = field(default_factory=list)


def text_blocks(path: Path, *, zipped: bool) -> Iterator[bytes]:
    """The file's bytes, decompressed, without a byte order mark; read one block ahead.

    Raises:
        CorruptFile: It is not the gzip file that its name says, or not UTF-8 from the start.
        Unfinished: It ends before its gzip trailer.
    """
    first = True
    with ThreadPoolExecutor(1) as reader:
        blocks = _blocks(path, zipped=zipped)
        coming = reader.submit(next, blocks, b"")
        while block := coming.result():
            coming = reader.submit(next, blocks, b"")
            if first:
                if block.startswith(_UTF16_MARKS):
                    message = "expected UTF-8, found UTF-16"
                    raise CorruptFile(message)
                block = block.removeprefix(_UTF8_MARK)
                first = False
            if block:
                yield block


def _blocks(path: Path, *, zipped: bool) -> Iterator[bytes]:
    if not zipped:
        with path.open("rb") as plain:
            while block := plain.read(PIECE_BYTES):
                yield block
        return
    try:
        with gzip.open(path) as opened:
            while block := opened.read(PIECE_BYTES):
                yield block
    except EOFError:
        message = "the gzip file is cut off: it ends before its trailer"
        raise Unfinished(message) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip file is damaged: {error}"
        raise CorruptFile(message) from None


def shown(line: bytes) -> str:
    """A line as text, whatever its bytes."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")


def blank(line: bytes) -> bool:
    """Whether a line has nothing in it; such lines are no rows."""
    return not line.strip()


def too_long() -> CorruptFile:
    """The verdict on a file without line ends."""
    return CorruptFile(f"a line of more than {LINE_BYTES // 2**20} MiB")
