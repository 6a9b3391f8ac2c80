"""What keeps a contract from being read from its source table, by line of the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chimera_assets.contracts.decimals import precision_and_scale
from chimera_assets.naming import named
from chimera_assets.postgres.connection import execute
from chimera_assets.sources.catalogue import declared_types
from chimera_assets.sources.database import source_database
from chimera_assets.sources.errors import SourceError, SourceSchemaError
from chimera_assets.sources.mapping import inspect
from chimera_assets.sources.session import begin
from chimera_assets.yaml_documents import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.postgres.connection import Connection
    from chimera_assets.sources.catalogue import SourceTable

#: So many rows are looked at for expressions that give nothing, or fail.
_SAMPLED = 1000

#: Class of SQLSTATE of values that an expression cannot be computed of.
_OF_VALUES = "22"


def source_problems(url: str, contract: Contract) -> list[Problem]:
    """All that does not fit; as warnings what will be rejected, or gives nothing.

    Raises:
        SourceTableMissing: There is no such table.
        SourceError: The database cannot be reached.
    """
    problems: list[Problem] = []
    # The server names one wrong expression at a time: what was named is left out the next time.
    left = contract
    while True:
        try:
            return sorted([*problems, *_of_fitting(url, left)], key=lambda one: one.line)
        except SourceSchemaError as error:
            wrong = {mismatch.column for mismatch in error.mismatches}
            problems += [
                _problem(contract, m.column, m.expected, f"{m.found} ({m.remedy})")
                for m in error.mismatches
            ]
            columns = tuple(one for one in left.columns if one.name not in wrong)
            left = replace(left, columns=columns)


def _problem(
    contract: Contract, column: str, expected: str, found: str, severity: str = "error"
) -> Problem:
    told = contract.column(column)
    path, line = contract.path, told.line
    if contract.adapter is not None and told.adapter_line is not None:
        path, line = contract.adapter, told.adapter_line
    return Problem(path, line, f"column {column}", expected, found, severity)


def _of_fitting(url: str, contract: Contract) -> list[Problem]:
    """What is worth knowing of columns that can be read."""
    database = source_database(url)
    with database.connect() as connection:
        begin(connection)
        table = inspect(connection, url, contract)
        problems = list(_too_narrow(connection, contract, table))
    given = [column for column in contract.columns if column.name not in table.absent]
    computed = [column for column in given if column.transform is not None]
    for column in computed:  # each by itself: one that fails ends the transaction
        try:
            with database.connect() as connection:
                begin(connection)
                rows, values = _sampled(connection, table, column)
        except SourceError as error:
            if not (error.sqlstate or "").startswith(_OF_VALUES):
                raise
            found = f"it fails on some of the first {_SAMPLED:,} rows ({error.sqlstate})"
            expected = f"an expression that every row has a value of, {column.transform}"
            problems.append(_problem(contract, column.name, expected, found))
            continue
        if rows and not values:
            found = f"null in each of the first {rows:,} rows: {column.transform}"
            problems.append(_problem(contract, column.name, "a value", found, "warning"))
    return problems


def _too_narrow(
    connection: Connection, contract: Contract, table: SourceTable
) -> Iterator[Problem]:
    """Exact numbers with room for fewer digits than the source's have."""
    declared = declared_types(connection, table)
    for column in contract.columns:
        theirs = precision_and_scale(named(column.source_name, declared) or "")
        if column.decimal is None or column.transform is not None or theirs is None:
            continue
        (precision, scale), (their_precision, their_scale) = column.decimal, theirs
        if their_scale > scale or their_precision - their_scale > precision - scale:
            expected = f"numeric({their_precision}, {their_scale}), as the source has it"
            found = f"numeric({precision}, {scale}); longer values will be rejected"
            yield _problem(contract, column.name, expected, found, "warning")


def _sampled(connection: Connection, table: SourceTable, column: Column) -> tuple[int, int]:
    """How many rows were looked at, and how many of them have a value."""
    (found,) = execute(
        connection,
        f"SELECT count(*)::int8 AS rows, count({table.columns[column.name].sql})::int8 AS found "  # noqa: S608 - quoted there
        f"FROM (SELECT * FROM {table.quoted} LIMIT {_SAMPLED}) AS sampled",
    )
    return found["rows"], found["found"]
