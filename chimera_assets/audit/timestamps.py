"""Has an authority stamp the log's checkpoints, and keeps what was asked and what was answered.

Below `<lake>/audit/timestamps/`: `<size>.tsq` and `<size>.tsr`, and in `newest` the size that was
stamped last.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from chimera_assets.audit.rfc3161 import (
    REQUEST_TYPE,
    BadTimestampError,
    Timestamp,
    TimestampRequest,
)
from chimera_assets.audit.third_parties import NotVouched, at_once, post
from chimera_assets.errors import ArgumentError, ChimeraError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chimera_assets.audit.tlog.checkpoint import Checkpoint
    from chimera_assets.lake.objects import Objects

#: The folder, below that of the checkpoint.
TIMESTAMPS = "timestamps"

REQUEST, RESPONSE = ".tsq", ".tsr"

#: For so many seconds after a timestamp no other is asked for, unless somebody asks by hand.
_AT_MOST_EVERY = 3_600
_NEWEST = "newest"


def is_due(store: Objects, now: float) -> bool:
    """Whether the last timestamp is older than an hour, or there is none that can be read.

    Args:
        store: The folder of the timestamps.
        now: The present, as a POSIX time in seconds.
    """
    try:
        size = int(store.read(_NEWEST))
        at = Timestamp.parse(store.read(f"{size}{RESPONSE}")).at
    except (FileNotFoundError, ValueError, BadTimestampError):
        return True
    return not 0 <= now - at.timestamp() < _AT_MOST_EVERY


def stamped(store: Objects, checkpoint: Checkpoint) -> Timestamp | None:
    """The timestamp of a checkpoint that is there already.

    Raises:
        BadTimestampError: What is there is none.
    """
    try:
        return Timestamp.parse(store.read(f"{checkpoint.size}{RESPONSE}"))
    except FileNotFoundError:
        return None


def stamp(store: Objects, checkpoint: Checkpoint, url: str) -> Timestamp:
    """Have a checkpoint stamped, unless it is.

    Args:
        store: The folder of the timestamps.
        checkpoint: What to stamp.
        url: The authority.

    Raises:
        NotVouched: The authority did not answer, or not what was asked.
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    try:
        if (there := stamped(store, checkpoint)) is not None:
            return there
        request = request_of(store, checkpoint)
        return _keep(store, checkpoint.size, request, _answer(url, request))
    except (BadTimestampError, NotVouched) as error:
        msg = f"timestamp authority: {error}"
        raise NotVouched(msg) from None


def _answer(url: str, request: TimestampRequest) -> bytes:
    answer = at_once({url: lambda: post(url, request.encode(), REQUEST_TYPE)})[url]
    if isinstance(answer, ChimeraError):
        raise NotVouched(str(answer))
    if answer.status != HTTPStatus.OK:
        msg = f"expected a timestamp, found {answer.reason}"
        raise NotVouched(msg)
    return answer.body


def request_of(store: Objects, checkpoint: Checkpoint) -> TimestampRequest:
    """What to ask an authority for; the same as long as it is not answered.

    Raises:
        LakeError: The storage refuses.
        StorageUnavailable: The storage cannot be reached.
    """
    new = TimestampRequest.of_text(checkpoint.text)
    path = f"{checkpoint.size}{REQUEST}"
    try:
        there = TimestampRequest.parse(store.read(path))
    except (FileNotFoundError, BadTimestampError):
        there = None
    if there is not None and there.digest == new.digest:
        return there
    store.put(path, new.encode())
    return new


def take_in(store: Objects, data: bytes) -> tuple[int, Timestamp]:
    """Keep an answer that somebody has fetched, after it was checked.

    Args:
        store: The folder of the timestamps.
        data: The answer.

    Returns:
        The size of the log that was stamped, and the timestamp.

    Raises:
        BadTimestampError: It is no timestamp, or of something else than was asked.
        ArgumentError: It answers none of the requests that are open.
    """
    answer = Timestamp.parse(data)
    asked = _open_requests(store)
    for size, request in asked:
        if request.nonce == answer.nonce:
            return size, _keep(store, size, request, data)
    listed = ", ".join(f"{size:,} entries" for size, _ in asked) or "none, as none is open"
    msg = f"timestamp: expected the answer to a request ({listed}), found another one"
    raise ArgumentError(msg)


def sizes(names: Iterable[str], ending: str) -> list[int]:
    """Of which sizes of the log there are such files.

    Args:
        names: The names of the files in the folder.
        ending: `REQUEST` or `RESPONSE`.
    """
    found = (name.removesuffix(ending) for name in names if name.endswith(ending))
    return sorted(int(name) for name in found if name.isascii() and name.isdigit())


def _open_requests(store: Objects) -> list[tuple[int, TimestampRequest]]:
    names = store.sizes()
    answered = set(sizes(names, RESPONSE))
    found = []
    for size in sizes(names, REQUEST):
        if size not in answered:
            try:
                request = TimestampRequest.parse(store.read(f"{size}{REQUEST}"))
            except BadTimestampError:
                continue  # not by us
            found.append((size, request))
    return found


def _keep(store: Objects, size: int, request: TimestampRequest, data: bytes) -> Timestamp:
    answer = Timestamp.parse(data)
    answer.check(request)
    store.put(f"{size}{RESPONSE}", data)
    store.put(_NEWEST, b"%d\n" % size)
    return answer
