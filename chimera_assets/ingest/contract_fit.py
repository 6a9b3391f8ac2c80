"""Whether a stream's tables are as its contract says: in the types of their columns, and by key.

By which key staged rows are without duplicates is a property of their table.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.lake.commit import commit
from chimera_assets.lake.type_mapping import agreed_schema, fits
from chimera_assets.layers import STAGED

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.contracts import Column, Contract
    from chimera_assets.lake import Lake, Table

_PROPERTY = "chimera.key"


class KeyChanged(ChimeraError):  # noqa: N818
    """A contract has another key than the rows that are staged by now.

    Args:
        contract: The contract.
        found: The key of the rows.
    """

    def __init__(self, contract: Contract, found: tuple[str, ...]) -> None:
        self.contract, self.found = contract, found
        super().__init__(
            f"{STAGED}/{contract.stream}: expected rows by the key {', '.join(contract.key)} of "
            f"{contract.path}, found rows by {', '.join(found)}; nothing was written. `chimera "
            f"contract migrate {contract.stream}` judges all hours by the new key"
        )


def retyped_columns(table: Table, contract: Contract) -> tuple[Column, ...]:
    """The columns that an existing table of a stream has in other types than the contract."""
    schema = table.schema()
    return tuple(
        column
        for column in contract.columns
        if column.name in schema.names
        and not fits(column.arrow_type, schema.field(column.name).type)
    )


def require_types(table: Table, contract: Contract) -> None:
    """Refuse a contract by which an existing table's columns have other types.

    Raises:
        SchemaConflict: Names the first of them.
    """
    if retyped_columns(table, contract):
        agreed_schema(contract.arrow_schema(), table.schema(), table.uri)


def table_key(lake: Lake, stream: str) -> tuple[str, ...] | None:
    """The key of the staged rows; None if nothing says it."""
    table = lake.table(STAGED, stream)
    said = table.delta().metadata().configuration.get(_PROPERTY) if table.exists() else None
    return tuple(json.loads(said)) if said is not None else None


def require_same_key(lake: Lake, contract: Contract) -> None:
    """Refuse a contract whose key is not the one of the rows that are staged.

    Raises:
        KeyChanged: It is another one.
    """
    found = table_key(lake, contract.stream)
    if found is not None and found != contract.key:
        raise KeyChanged(contract, found)


def note_key(staged: Table, contract: Contract, schema: pa.Schema) -> None:
    """Keep with staged rows by which key they are without duplicates; makes the table, if need be.

    Args:
        staged: The table.
        contract: The stream's contract.
        schema: The schema of a table that has to be created.
    """
    properties = {_PROPERTY: json.dumps(contract.key)}
    staged.create(schema, properties=properties)
    if properties.items() <= staged.delta().metadata().configuration.items():
        return

    def action(delta: DeltaTable, commit_properties: CommitProperties) -> None:
        delta.alter.set_table_properties(
            properties, raise_if_not_exists=False, commit_properties=commit_properties
        )

    commit(staged, action, metadata={"chimera.write": "key"})
