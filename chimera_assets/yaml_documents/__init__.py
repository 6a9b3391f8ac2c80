"""YAML files that remember on which line each of their parts stands, and what is wrong with it."""

from chimera_assets.yaml_documents.document import Document, Location, read_document
from chimera_assets.yaml_documents.problems import DocumentError, Problem, one_of

__all__ = ["Document", "DocumentError", "Location", "Problem", "one_of", "read_document"]
