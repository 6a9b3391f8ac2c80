"""A first contract for a table or file, judged from its columns and a sample of its rows."""

from chimera_assets.contracts.drafting.draft import Draft, DraftColumn, column_names
from chimera_assets.contracts.drafting.text import draft_text

__all__ = ["Draft", "DraftColumn", "column_names", "draft_text"]
