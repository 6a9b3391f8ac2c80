"""A first contract for a table or file, judged from its columns and a sample of its rows."""

from chimera_assets.contracts.drafting.draft import (
    SAMPLED,
    Draft,
    DraftColumn,
    LeftOut,
    column_names,
)
from chimera_assets.contracts.drafting.text import draft_text

__all__ = ["SAMPLED", "Draft", "DraftColumn", "LeftOut", "column_names", "draft_text"]
