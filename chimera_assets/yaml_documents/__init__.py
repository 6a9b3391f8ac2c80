"""YAML files that remember on which line each of their parts stands, and what is wrong with it."""

from chimera_assets.yaml_documents.document import Document, Location, read_document
from chimera_assets.yaml_documents.problems import DocumentError, Problem, did_you_mean, one_of

__all__ = [
    "Document",
    "DocumentError",
    "Location",
    "Problem",
    "did_you_mean",
    "one_of",
    "read_document",
]
