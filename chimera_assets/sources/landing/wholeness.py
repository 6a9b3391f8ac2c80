"""Whether a file is whole, as far as that shows without reading it.

An object in S3 appears when it is whole. A local file grows in front of everyone's eyes, so it must
stay the same from one look to the next and be some seconds old. A file that then still lacks its
end (a Parquet footer, the end of its last line) is waited for as long as its writer may be busy.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.sources.landing.place import LandingFile

#: A local file younger than this is left alone.
SETTLED = timedelta(seconds=5)

#: A local file older than this will not be finished any more: what it lacks is lacking.
ABANDONED = timedelta(minutes=5)

_FOOTER = b"PAR1"
_TAIL_BYTES = 2**20


def waiting(file: LandingFile, now: datetime) -> str | None:
    """What a file is waited for, in words; None if it can be loaded."""
    age = now - file.modified
    # A time in the future says nothing; that the file stays as it is has been seen.
    if file.in_s3 or age < timedelta(0):
        return None
    if age < SETTLED:
        return "was written just now"
    if age < ABANDONED and not file.zipped:
        return _lacking(file)
    return None


def may_be_finished(file: LandingFile, now: datetime) -> bool:
    """Whether what is missing at a file's end may yet come."""
    return not file.in_s3 and now - file.modified < ABANDONED


def _lacking(file: LandingFile) -> str | None:
    try:
        with Path(file.path).open("rb") as opened:
            opened.seek(max(0, file.size - _TAIL_BYTES))
            tail = opened.read(_TAIL_BYTES)
    except OSError:
        return "cannot be read"
    if file.format == "parquet":
        return None if tail.endswith(_FOOTER) else "has no footer yet"
    if not tail:
        return "is empty yet"
    if file.format == "json":
        return None if tail.rstrip().endswith((b"}", b"]")) else "has no end of its document yet"
    if tail.endswith(b"\n") or (file.format == "jsonl" and _is_object(tail)):
        return None
    return "has no end of its last line yet"


def _is_object(tail: bytes) -> bool:
    try:
        return isinstance(json.loads(tail[tail.rfind(b"\n") + 1 :]), dict)
    except (ValueError, RecursionError):
        return False
