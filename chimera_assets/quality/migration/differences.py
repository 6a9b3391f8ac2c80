"""In what a stream's tables are not as its contract says: types of columns, the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.ingest.contract_fit import retyped_columns, table_key
from chimera_assets.lake.type_mapping import type_in_words
from chimera_assets.layers import LANDING, RAW, STAGED

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column that a table has in another type.

    Attributes:
        table: The table, `layer/name`.
        column: The column.
        found: Its type there, in words.
        wanted: Its type in the contract.
    """

    table: str
    column: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Differences:
    """What a migration of a stream has to do.

    Attributes:
        retyped: The columns of other types.
        key: The key of the staged rows, where it is another than the contract's.
    """

    retyped: tuple[Retyped, ...]
    key: tuple[str, ...] | None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.retyped or self.key)


def differences(lake: Lake, contract: Contract) -> Differences:
    """In what the tables of a stream differ from its contract; columns they lack are no matter."""
    tables = (lake.table(layer, contract.stream) for layer in (LANDING, RAW, STAGED))
    found = tuple(
        Retyped(
            f"{table.layer}/{table.name}",
            column.name,
            type_in_words(table.schema().field(column.name).type),
            type_in_words(column.arrow_type),
        )
        for table in tables
        if table.exists()
        for column in retyped_columns(table, contract)
    )
    known = table_key(lake, contract.stream)
    return Differences(found, known if known not in {None, contract.key} else None)
