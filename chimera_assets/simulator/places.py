"""Whether an operational database has the tables and columns that traffic is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.simulator.tables import OperationalTable
from chimera_assets.sources.catalogue import find_table
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chimera_assets.packs.traffic import Traffic
    from chimera_assets.postgres.connection import Connection
    from chimera_assets.yaml_documents import Location


def require_places(
    connection: Connection, traffic: Traffic, tables: Mapping[str, OperationalTable]
) -> None:
    """See that the database has what a pack's traffic fills.

    Args:
        connection: To the operational database.
        traffic: The pack's traffic.
        tables: Stream -> its operational table.

    Raises:
        ChimeraError: A table or column is not there; names file and line.
    """
    problems = list(_problems(connection, traffic, tables))
    if problems:
        more = f" (and {len(problems) - 1} more like it)" if len(problems) > 1 else ""
        msg = f"{problems[0]}; `chimera source init` makes tables that are missing{more}"
        raise ChimeraError(msg)


def _problems(
    connection: Connection, traffic: Traffic, tables: Mapping[str, OperationalTable]
) -> Iterator[Problem]:
    for number, name in enumerate(traffic.reference):
        rows = traffic.tables[name]
        columns: dict[str, Location] = {column: ("tables", name, 0, column) for column in rows[0]}
        place: Location = ("reference", number)
        table = tables.get(name, OperationalTable(name))
        yield from _of_table(connection, traffic, table, place, columns)
    for name, stream in traffic.streams.items():
        columns = {column: ("streams", name, "columns", column) for column in stream.table_columns}
        place = ("streams", name)
        table = tables.get(name, OperationalTable(name))
        yield from _of_table(connection, traffic, table, place, columns)


def _of_table(
    connection: Connection,
    traffic: Traffic,
    table: OperationalTable,
    here: Location,
    columns: Mapping[str, Location],
) -> Iterator[Problem]:
    found = find_table(connection, table.name)
    path, line = traffic.place(here)
    if found is None:
        if not table.optional:
            expected = "one that the operational database has"
            yield Problem(path, line, f"table {table.name}", expected, "none")
        return
    for column, location in columns.items():
        if column not in found.columns and column not in table.optional_columns:
            path, line = traffic.place(location)
            known = one_of(found.columns, column)
            yield Problem(path, line, f"column of {table.name}", known, column)
