"""A SELECT in a file of a pack that gives the same rows of the same tables, whenever it is run."""

from __future__ import annotations

from chimera_assets.errors import in_short
from chimera_assets.packs.ending_select import ending_select
from chimera_assets.packs.engine_functions import CHANGING_VALUES, changing_names
from chimera_assets.packs.select import functions_in_select, names_in_select, takes_samples
from chimera_assets.yaml_documents.models import refuse


def lasting_select(sql: str) -> str:
    """See that a text is one SELECT over tables, whose rows follow from these; for a validator.

    A column may be called as a function, `version` for instance.
    """
    ending_select(sql)
    named = names_in_select(sql) & CHANGING_VALUES
    if changing := sorted(functions_in_select(sql) & changing_names() | named):
        refuse("a SELECT that gives the same rows at any time", in_short(changing))
    if takes_samples(sql):
        refuse("a SELECT that gives the same rows at any time", "a sample")
    return sql
