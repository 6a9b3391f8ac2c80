"""A SELECT in a file of a pack, as its models check it: one statement over tables, which ends."""

from __future__ import annotations

from chimera_assets.packs.errors import SelectError
from chimera_assets.packs.select import read_select
from chimera_assets.yaml_documents.models import refuse


def ending_select(sql: str) -> str:
    """See that a text is one SELECT statement over tables, which ends; for a validator."""
    try:
        found = read_select(sql)
    except SelectError as error:
        refuse(error.expected, error.found)
    if found.recursive:
        refuse("a SELECT that is sure to end", "WITH RECURSIVE")
    return sql
