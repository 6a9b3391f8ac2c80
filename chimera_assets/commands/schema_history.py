"""`chimera table history --schema`: how a table's columns and its contract changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.tables import named
from chimera_assets.commands.terminal import Plain, iso, notes, print_json, print_table
from chimera_assets.errors import ChimeraError, counted, one_line
from chimera_assets.lineage.schema_changes import column_changes, contract_changes
from chimera_assets.lineage.table_log import TableLog
from chimera_assets.postgres.databases import has_platform_database, platform_database
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.lake import Table
    from chimera_assets.lineage.schema_changes import SchemaChange


def show_schemas(name: str, *, limit: int, as_json: bool) -> int:
    """Print the changes of a table's columns and of its contract, newest first.

    Raises:
        ArgumentError: There is no such table.
    """
    table = named(name)
    log = TableLog(table)
    changes = [*column_changes(log), *_of_contract(table)]
    changes.sort(key=lambda one: one.at, reverse=True)
    if log.oldest:
        said = f"The log of {name} begins with version {log.oldest}; what was before is not known."
        notes().print(said, markup=False, soft_wrap=True)
    if as_json:
        print_json([asdict(one) for one in changes[:limit]])
        return 0
    columns = ("time", "version", "by", "column", "what", "before", "after")
    rows = (
        (iso(one.at)[:19].replace("T", " "), _number(one.version), one.by, *_rest(one))
        for one in changes[:limit]
    )
    print_table(columns, rows)
    if len(changes) > limit:
        notes().print(f"{limit:,} of {counted(len(changes), 'change')}; --limit shows more.")
    return 0


def _of_contract(table: Table) -> list[SchemaChange]:
    settings = get_settings()
    if not has_platform_database(settings):
        return []
    try:
        return list(contract_changes(platform_database(settings), table))
    except ChimeraError as error:
        said = f"The audit log, which has the contract's changes: {one_line(str(error))}"
        notes().print(said, markup=False, soft_wrap=True)
        return []


def _rest(one: SchemaChange) -> tuple[str | None, ...]:
    return (one.column, one.what, one.before, one.after)


def _number(version: int | None) -> Plain | None:
    return Plain(version) if version is not None else None
