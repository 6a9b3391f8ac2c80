"""What keeps a contract from being read from its source table, by line of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.database import source_database
from chimera_assets.sources.errors import SourceSchemaError, SourceTableMissing
from chimera_assets.sources.mapping import inspect
from chimera_assets.sources.session import begin
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.connection import Connection
    from chimera_assets.sources.catalogue import SourceTable

#: So many rows are looked at for expressions that give nothing.
_SAMPLED = 1000


def source_problems(url: str, contract: Contract) -> list[Problem]:
    """What does not fit; and, as a warning, expressions that give null in all of the first rows.

    Raises:
        SourceError: The database cannot be reached.
    """
    with source_database(url).connect() as connection:
        begin(connection)
        try:
            table = inspect(connection, url, contract)
        except SourceTableMissing as error:
            found = f"none ({error.remedy})"
            what, expected = "physicalName", f"a table {contract.source_table} in the source"
            return [Problem(contract.path, 1, what, expected, found)]
        except SourceSchemaError as error:
            return [
                Problem(
                    contract.path,
                    contract.column(wrong.column).line,
                    f"column {wrong.column}",
                    wrong.expected,
                    f"{wrong.found} ({wrong.remedy})",
                )
                for wrong in error.mismatches
            ]
        return list(_null_expressions(connection, contract, table))


def _null_expressions(
    connection: Connection, contract: Contract, table: SourceTable
) -> Iterator[Problem]:
    computed = [column for column in contract.columns if column.transform is not None]
    if not computed:
        return
    counts = ", ".join(
        f"count({table.columns[column.name].sql})::int8 AS n{number}"
        for number, column in enumerate(computed)
    )
    (found,) = execute(
        connection,
        f"SELECT count(*)::int8 AS rows, {counts} "  # noqa: S608 - quoted there
        f"FROM (SELECT * FROM {table.quoted} LIMIT {_SAMPLED}) AS sampled",
    )
    for number, column in enumerate(computed):
        if found["rows"] and not found[f"n{number}"]:
            what = f"transformLogic of column {column.name}"
            nothing = f"null in each of the first {found['rows']:,} rows: {column.transform}"
            yield Problem(contract.path, column.line, what, "a value", nothing, "warning")
