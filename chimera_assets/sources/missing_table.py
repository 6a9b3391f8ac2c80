"""A table that a contract reads and the database does not have: where it is named, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi

from chimera_assets.contracts.active import stream_packs
from chimera_assets.postgres.address import describe
from chimera_assets.sources.catalogue import table_names
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.yaml_documents import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.contracts import Contract


def missing_table(connection: dbapi.Connection, url: str, contract: Contract) -> SourceTableMissing:
    """What is to be said of it."""
    path, _, word = table_named_at(contract)
    return SourceTableMissing(
        describe(url),
        f"expected a table {contract.source_table}, found none"
        f"{_like_another(connection, contract.source_table)}",
        remedy=f"{_made_by(contract)}, set CHIMERA_SOURCE_DATABASE_URL, correct {word} in {path}, "
        "or switch the stream off by leaving it out of CHIMERA_STREAMS (docs/adapters.md)",
    )


def table_named_at(contract: Contract) -> tuple[Path, int, str]:
    """Where a contract's table is named: the file, its adapter's if that does, line and word."""
    if contract.adapter is not None and contract.adapter_table_line is not None:
        return contract.adapter, contract.adapter_table_line, "table"
    return contract.path, 1, "physicalName"


def _like_another(connection: dbapi.Connection, name: str) -> str:
    try:
        return did_you_mean(name, table_names(connection))
    except dbapi.Error:  # a name that is none has ended the transaction
        return ""


def _made_by(contract: Contract) -> str:
    """What makes the table of a contract."""
    if contract.adapter is not None and contract.adapter_table_line is not None:
        return f"connect to the database that {contract.adapter.stem} writes to"
    if contract.adapter is not None:
        return f"land the files that {contract.adapter.stem} writes (docs/landing.md)"
    if contract.stream in stream_packs():
        return "make it with `chimera source init`"
    return (
        "make it yourself, as `chimera source init` makes only the tables of packs, or land files "
        "for the stream (docs/landing.md)"
    )
