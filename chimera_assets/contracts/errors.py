"""What can be wrong with a contract file, with its place in the file."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError
from chimera_assets.yaml_documents import DocumentError


class ContractError(DocumentError):
    """A contract file cannot be used."""

    lister = "chimera contract check"


class MissingReferenceError(ChimeraError):
    """A rule compares with a reference table whose values were not given."""
