"""The dbt sources file, made from the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from chimera_assets.hour_columns import HOUR_SQL_TYPES
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN
from chimera_assets.layers import STAGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chimera_assets.contracts.model import Column, Contract

#: Where in a pack it is.
SOURCES_FILE = Path("models/staging/_sources.yml")

#: What dbt calls the source whose tables are the staged streams.
SOURCE = STAGED

#: Column type -> the type as dbt's data_type says it (DuckDB's names).
DBT_TYPES = {
    "string": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "array<string>": "varchar[]",
}

_HOUR = (
    (DAY_COLUMN, HOUR_SQL_TYPES[DAY_COLUMN], "The UTC day of the hour that the row belongs to."),
    (HOUR_COLUMN, HOUR_SQL_TYPES[HOUR_COLUMN], "The UTC hour that the row belongs to, 0 to 23."),
)
_LINEAGE = (
    ("_batch_id", "varchar", "The extraction that brought the row in."),
    ("_ingested_at", "timestamp with time zone", "When that extraction was made, UTC."),
)


def dbt_sources(
    contracts: Iterable[Contract], source_config: Mapping[str, Any] | None = None
) -> str:
    """The YAML of the dbt source `staged`, one table a contract.

    Args:
        contracts: The contracts, in the order of the tables.
        source_config: What to put under `config` of the source, where its tables are for instance.
    """
    source: dict[str, Any] = {
        "name": SOURCE,
        "description": "Valid, typed rows without duplicates, as the contracts describe them.",
    }
    if source_config:
        source["config"] = dict(source_config)
    source["tables"] = [_table(contract) for contract in contracts]
    head = "# Made from the contracts by `chimera contract sources`; changes belong there.\n"
    body = yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, width=100)
    return head + body


def staged_columns(contract: Contract) -> dict[str, str]:
    """The columns of a staged table, each with its SQL type."""
    return {column["name"]: column["data_type"] for column in _table(contract)["columns"]}


def _table(contract: Contract) -> dict[str, Any]:
    further = (*_HOUR, *_LINEAGE) if contract.kind == "stream" else _LINEAGE
    return {
        "name": contract.stream,
        "description": contract.description,
        "config": {"meta": {"owner": contract.owner, "contract_version": contract.version}},
        "columns": [
            *(_column(contract, column) for column in contract.columns),
            *(
                {"name": name, "description": words, "data_type": kind}
                for name, kind, words in further
            ),
        ],
    }


def _data_type(column: Column) -> str:
    return column.type_in_words if column.decimal else DBT_TYPES[column.type]


def _column(contract: Contract, column: Column) -> dict[str, Any]:
    meta: dict[str, Any] = {"classification": column.classification}
    if column.name == contract.subject:
        meta["data_subject"] = True
    return {
        "name": column.name,
        "description": column.description,
        "data_type": _data_type(column),
        "config": {"meta": meta},
    }
