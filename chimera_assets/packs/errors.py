"""What can be wrong with a pack, with its place in the file."""

from __future__ import annotations

from chimera_assets.yaml_documents import DocumentError


class PackError(DocumentError):
    """A file of a pack cannot be used."""

    lister = "chimera pack check"
