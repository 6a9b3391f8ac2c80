"""Reads a pack's traffic file and checks that its parts fit together."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chimera_assets.packs.errors import PackError
from chimera_assets.packs.traffic.definition import FILE, Traffic
from chimera_assets.packs.traffic.names import note_episode, note_stream
from chimera_assets.packs.traffic.tables import note_reference, note_table
from chimera_assets.yaml_documents import read_document
from chimera_assets.yaml_documents.models import checked

if TYPE_CHECKING:
    from chimera_assets.packs import Pack


@lru_cache
def read_traffic(pack: Pack) -> Traffic | None:
    """A pack's traffic; None if it has no such file.

    Raises:
        PackError: The file cannot be used; it has every problem with its line.
    """
    path = pack.folder / FILE
    if not path.exists():
        return None
    document = read_document(path, FILE, PackError)
    traffic = checked(document, Traffic)
    for name in traffic.tables:
        note_table(document, traffic, name)
    note_reference(document, traffic)
    for name in traffic.episodes:
        note_episode(document, traffic, name)
    for name in traffic.streams:
        note_stream(document, traffic, name)
    document.raise_problems()
    traffic._document = document  # noqa: SLF001 - it is made here and nowhere else
    return traffic
