"""`chimera contract new`: a first contract, drafted from a table or a file."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes
from chimera_assets.contracts import ContractError, known_contracts
from chimera_assets.contracts.drafting import draft_text
from chimera_assets.errors import ArgumentError
from chimera_assets.naming import NAME_IN_WORDS, is_name
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing.file_draft import draft_of_file
from chimera_assets.sources.table_draft import draft_of_table

if TYPE_CHECKING:
    from pathlib import Path


def write(stream: str, *, table: str | None, file: Path | None) -> int:
    """Print the contract that a table or file suggests.

    Args:
        stream: What the stream is to be called.
        table: A table of the operational database.
        file: A file such as will be dropped into the landing place.

    Raises:
        ArgumentError: The name is none, or it is not said from what to draft.
        SourceError: The table cannot be read.
    """
    if not is_name(stream):
        msg = f"name of the stream: expected {NAME_IN_WORDS}, found {stream}"
        raise ArgumentError(msg)
    if (table is None) == (file is None):
        found = "neither" if table is None else "both"
        msg = f"expected one of --from-table and --from-file, found {found}"
        raise ArgumentError(msg)
    # The shell has made the file that this is written into: an empty one is no contract yet.
    with suppress(ContractError):
        if stream in known_contracts():
            notes().print(f"There is a contract of {stream} already.", markup=False)
    if file is not None:
        draft = draft_of_file(file, stream)
    else:
        draft = draft_of_table(source_database_url(get_settings()), stream, table or "")
    text = draft_text(draft)
    sys.stdout.write(text)
    reviews = text.count("# review")
    notes().print(f"{reviews} lines to look at; then: chimera contract check FILE --source")
    return 0
