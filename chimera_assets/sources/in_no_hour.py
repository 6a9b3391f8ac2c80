"""Rows of a source table that no hour will ever take: how many, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.postgres.connection import execute
from chimera_assets.sources.query import in_no_hour, placed_before

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.postgres.connection import Connection
    from chimera_assets.sources.catalogue import SourceTable

#: Why a row is in no hour that is ever run.
WITHOUT_A_TIME = "without a readable time"
BEFORE_START = "before CHIMERA_START"


def rows_in_no_hour(
    connection: Connection, contract: Contract, table: SourceTable, start: datetime
) -> dict[str, int]:
    """Why -> how many rows; reasons that no row has are left out.

    Args:
        connection: In a transaction.
        contract: The stream's contract.
        table: Its table.
        start: The first hour that is ever run.
    """
    conditions = {
        WITHOUT_A_TIME: in_no_hour(contract, table),
        BEFORE_START: placed_before(contract, table, "$1::timestamptz"),
    }
    counted = ", ".join(
        f"(SELECT count(*) FROM {table.quoted} WHERE {condition}) AS n{number}"  # noqa: S608 - quoted
        for number, condition in enumerate(conditions.values())
    )
    (found,) = execute(connection, f"SELECT {counted}", [start.isoformat()])
    return {why: rows for why, rows in zip(conditions, found.values(), strict=True) if rows}
