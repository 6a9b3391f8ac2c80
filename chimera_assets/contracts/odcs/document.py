"""A contract file, parsed, with the lines of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets import yaml_documents
from chimera_assets.contracts.errors import ContractError
from chimera_assets.yaml_documents import Document, Location

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Document", "Location", "read_document"]


def read_document(path: Path) -> Document:
    """Parse a contract file.

    Raises:
        ContractError: It cannot be read, is no YAML, has no mapping at its top, or has a key twice.
    """
    return yaml_documents.read_document(path, "contract", ContractError)
