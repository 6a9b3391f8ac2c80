"""Rows at the source that no hour will ever take, as `chimera status` and `verify` tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes
from chimera_assets.contracts import contracts
from chimera_assets.errors import ChimeraError, counted
from chimera_assets.postgres.databases import source_database_url
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceTableMissing
from chimera_assets.sources.postgres import PostgresSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract


def in_no_hour_at_source() -> dict[str, dict[str, int] | None]:
    """Stream -> why -> rows, None if it has no table; without those that could not be asked about.

    That a source cannot be asked is said.
    """
    settings = get_settings()
    data = embedded_server(settings).cluster.data
    if settings.source_database_url is None and not data.exists():
        return {}
    found: dict[str, dict[str, int] | None] = {}
    try:
        source = PostgresSource(source_database_url(settings))
        for contract in contracts().values():
            if contract.kind == "stream":
                found[contract.stream] = _of_table(source, contract)
    except ChimeraError as error:
        notes().print(f"The source was not asked: {error}", markup=False, soft_wrap=True)
    return found


def _of_table(source: PostgresSource, contract: Contract) -> dict[str, int] | None:
    try:
        return source.rows_in_no_hour(contract, get_settings().start)
    except SourceTableMissing:  # its rows come from files alone
        return None


def print_in_no_hour(found: Mapping[str, Mapping[str, int] | None]) -> None:
    """A line for each stream and reason."""
    for stream, reasons in found.items():
        for why, rows in (reasons or {}).items():
            notes().print(
                f"{stream}: {counted(rows, 'row')} at the source {why}, so in no hour.",
                markup=False,
                soft_wrap=True,
            )
