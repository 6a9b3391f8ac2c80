"""The newest checkpoint that this machine has signed, kept in its home.

Whoever has the database and the lake, but not this home, could else put an older or another log in
the place of the real one, and have it signed by the next run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.errors import TransparencyError
from chimera_assets.audit.tlog.note import Note
from chimera_assets.paths import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.settings import Settings


def place(settings: Settings) -> Path:
    """Where it is."""
    return settings.home / "keys" / "last.checkpoint"


def remembered(settings: Settings) -> Note | None:
    """The newest checkpoint that was signed here; None if there is none that can be read."""
    try:
        return Note.parse(place(settings).read_bytes())
    except (OSError, TransparencyError):
        return None


def remember(settings: Settings, note: Note) -> None:
    """Keep a checkpoint that was signed here.

    Raises:
        SettingError: The home cannot be written.
        OSError: The file cannot be written.
    """
    data = note.encode()
    file = place(settings)
    if not file.exists() or file.read_bytes() != data:
        settings.home_folder("keys")
        write_private(file, data)
