"""Text files in pieces of whole lines: decompressed, counted, bounded in memory."""

from __future__ import annotations

import gzip
import io
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from chimera_assets.sources.landing.damage import CorruptFile, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.sources.landing.limits import Limits

#: Bytes of text that are parsed at a time, and lines: short ones cost more than their bytes.
PIECE_BYTES = 16 * 2**20
PIECE_LINES = 131_072

#: A file with a longer line is no file of lines.
LINE_BYTES = 16 * 2**20

#: So much of a malformed line is kept; the file has the rest.
SHOWN_BYTES = 64 * 2**10

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def pieces(path: Path, *, zipped: bool, limits: Limits) -> Iterator[bytes]:
    """The file's text in pieces of whole lines; the last line may lack its end.

    Raises:
        CorruptFile: It is not the gzip file that its name says, not UTF-8 from the start, has too
            long a line, or is beyond a limit.
        Unfinished: It ends before its gzip trailer.
    """
    lines = 0
    for piece in _whole_lines(path, zipped=zipped, limits=limits):
        lines += line_count(piece)
        limits.check_rows(lines)
        yield from _parts(piece)


def line_count(piece: bytes) -> int:
    """How many lines there are, the last one with or without an end."""
    return piece.count(b"\n") + (bool(piece) and not piece.endswith(b"\n"))


def shown(line: bytes) -> str:
    """A line as text, whatever its bytes; of a very long one the beginning."""
    whole = line.removesuffix(b"\n").removesuffix(b"\r")
    text = whole[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return text if len(whole) <= SHOWN_BYTES else f"{text}... ({len(whole):,} bytes)"


def blank(line: bytes) -> bool:
    """Whether a line has nothing in it; such lines are no rows."""
    return not line.strip()


def is_utf8(text: bytes) -> bool:
    """Whether all of a text is UTF-8; readers do not look at what they pass over."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _whole_lines(path: Path, *, zipped: bool, limits: Limits) -> Iterator[bytes]:
    rest: list[bytes] = []
    for block in _text_blocks(path, zipped=zipped, limits=limits):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[:cut]])
            rest = []
        rest.append(block[cut:])
        if sum(map(len, rest)) > LINE_BYTES:
            message = f"it has a line of more than {LINE_BYTES // 2**20} MiB"
            raise CorruptFile(message)
    if left := b"".join(rest):
        yield left


def _parts(piece: bytes) -> Iterator[bytes]:
    """A piece, cut where it has too many lines."""
    if line_count(piece) <= PIECE_LINES:
        yield piece
        return
    lines = io.BytesIO(piece)
    while part := b"".join(islice(lines, PIECE_LINES)):
        yield part


def _text_blocks(path: Path, *, zipped: bool, limits: Limits) -> Iterator[bytes]:
    """The file's bytes, decompressed, without a byte order mark; read one block ahead."""
    first = True
    with ThreadPoolExecutor(1) as reader:
        blocks = _unzipped_blocks(path, limits) if zipped else _blocks(path)
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


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as plain:
        while block := plain.read(PIECE_BYTES):
            yield block


def _unzipped_blocks(path: Path, limits: Limits) -> Iterator[bytes]:
    """A gzip file's bytes, unpacked.

    Raises:
        CorruptFile: It is no sound gzip file, or unpacks to more than a file may.
        Unfinished: It ends before its trailer.
    """
    size = 0
    for block in unzipped(path):
        size += len(block)
        limits.check_bytes(size)
        yield block


def unzipped(path: Path) -> Iterator[bytes]:
    """The blocks of a gzip file, unpacked.

    Raises:
        CorruptFile: It is no sound gzip file.
        Unfinished: It ends before its trailer.
    """
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
