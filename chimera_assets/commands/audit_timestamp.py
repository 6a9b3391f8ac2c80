"""`chimera audit timestamp`: has an authority stamp the log, over the network or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.publishing import FOLDER
from chimera_assets.audit.timestamps import TIMESTAMPS, request_of, stamp, stamped, take_in
from chimera_assets.audit.vouching import in_turn
from chimera_assets.commands.audit_log import caught_up
from chimera_assets.commands.new_files import require_folder
from chimera_assets.commands.terminal import iso, notes, out
from chimera_assets.errors import ArgumentError, SettingError
from chimera_assets.lake import open_lake
from chimera_assets.lake.objects import Objects
from chimera_assets.paths import regular_bytes, write_private
from chimera_assets.postgres.databases import platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.audit.rfc3161 import Timestamp
    from chimera_assets.audit.tlog.checkpoint import Checkpoint

_MOST_BYTES = 100_000


def run(*, request: Path | None, response: Path | None) -> int:
    """Have the newest checkpoint stamped; with files, by whoever carries them to an authority.

    Raises:
        ChimeraError: It could not be done.
    """
    if request is not None and response is not None:
        msg = "expected --request, then --response with what was answered, found both"
        raise ArgumentError(msg)
    if request is not None:
        require_folder(request)
    if response is not None:
        return _take_in(response)
    if request is None and get_settings().timestamp_url is None:
        expected = "the URL of a timestamp authority, or --request FILE to ask one by hand"
        raise SettingError("CHIMERA_TIMESTAMP_URL", expected=expected, found="none")
    published = caught_up().published
    if published is None:
        out().print("The audit log has no entries.")
        return 0
    return _ask(published.checkpoint, request)


def _ask(checkpoint: Checkpoint, file: Path | None) -> int:
    settings, store = get_settings(), _store()
    with in_turn(platform_database(settings)):
        if (there := stamped(store, checkpoint)) is None and file is not None:
            _write(file, request_of(store, checkpoint).encode())
            notes().print(
                f"{file}: the request for {checkpoint.size:,} entries. Send it to an authority; "
                "`chimera audit timestamp --response FILE` takes the answer in.",
                markup=False,
                soft_wrap=True,
            )
            return 0
        if there is None:
            there = stamp(store, checkpoint, settings.timestamp_url or "")
    return _tell(checkpoint.size, there)


def _take_in(file: Path) -> int:
    try:
        data = regular_bytes(file, _MOST_BYTES)
    except OSError as error:
        msg = f"--response: expected an authority's answer, found {file}: {error.strerror}"
        raise ArgumentError(msg) from None
    with in_turn(platform_database(get_settings())):
        size, found = take_in(_store(), data)
    return _tell(size, found)


def _tell(size: int, found: Timestamp) -> int:
    said = f"{_store().uri}/{size}.tsr: {size:,} entries were there at {iso(found.at)}."
    out().print(said, markup=False, soft_wrap=True)
    return 0


def _write(file: Path, data: bytes) -> None:
    try:
        write_private(file, data)
    except OSError as error:
        msg = f"--request: expected a file that can be written, found {file}: {error.strerror}"
        raise ArgumentError(msg) from None


def _store() -> Objects:
    return Objects(open_lake(), f"{FOLDER}/{TIMESTAMPS}")
