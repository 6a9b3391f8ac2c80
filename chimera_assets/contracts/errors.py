"""What can be wrong with a contract file, with its place in the file."""

from __future__ import annotations

from chimera_assets.errors import ChimeraError
from chimera_assets.yaml_documents import DocumentError, Problem, one_of

__all__ = ["ContractError", "MissingReferenceError", "Problem", "one_of"]


class ContractError(DocumentError):
    """A contract file cannot be used."""

    lister = "chimera contract check"


class MissingReferenceError(ChimeraError):
    """A rule compares with a reference table whose values were not given."""
