"""A `.json` file: one document, which is an object, or a list of which each object is as a line."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from chimera_assets.sources.exact_json import as_written, decoded
from chimera_assets.sources.landing.damage import CorruptFile, Unfinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.sources.landing.limits import Limits

#: A document is read at once, and takes some ten times its bytes meanwhile.
DOCUMENT_BYTES = 32 * 2**20

_UTF8_MARK = "﻿"


def items(
    path: Path, decode: Callable[[str], Any] = decoded, *, zipped: bool, limits: Limits
) -> list[Any]:
    """The items of a document's list, or the document itself as the only one.

    Args:
        path: The file.
        decode: What decodes its text.
        zipped: Whether it is gzipped.
        limits: What it may be at most.

    Raises:
        CorruptFile: It is no JSON, no list or object, too large, or has too many items.
        Unfinished: It ends before its gzip trailer.
    """
    content = _content(path, zipped=zipped)
    if len(content) > DOCUMENT_BYTES:
        size = f"{DOCUMENT_BYTES // 2**20} MiB"
        message = f"a document of more than {size}; write JSON lines (.jsonl) instead"
        raise CorruptFile(message)
    try:
        document = decode(content.decode().removeprefix(_UTF8_MARK))
    except RecursionError:
        message = "it is nested too deep"
        raise CorruptFile(message) from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        message = f"it is no JSON document{where}; JSON lines are to be called .jsonl"
        raise CorruptFile(message) from None
    if not isinstance(document, (dict, list)):
        message = "expected a JSON object or a list of objects, found another value"
        raise CorruptFile(message)
    found = document if isinstance(document, list) else [document]
    limits.check_rows(len(found))
    return found


def write_lines(path: Path, found: list[Any]) -> None:
    """Write items as JSON lines."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        for item in found:
            lines.write(written(item) + "\n")


def written(item: object) -> str:
    """An item as JSON.

    Raises:
        CorruptFile: It is nested deeper than Python writes.
    """
    try:
        return as_written(item)
    except RecursionError:
        message = "it is nested too deep"
        raise CorruptFile(message) from None


def _content(path: Path, *, zipped: bool) -> bytes:
    """The bytes, unpacked, of a larger file one more than a document may have."""
    try:
        with gzip.open(path) if zipped else path.open("rb") as opened:
            return opened.read(DOCUMENT_BYTES + 1)
    except EOFError:
        message = "the gzip file is cut off: it ends before its trailer"
        raise Unfinished(message) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip file is damaged: {error}"
        raise CorruptFile(message) from None
