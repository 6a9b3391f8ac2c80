"""In what a stream's tables are not as its contract says: types of columns, the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.ingest.contract_fit import retyped_columns, table_key
from chimera_assets.lake.type_mapping import type_in_words
from chimera_assets.layers import LANDING, RAW, STAGED
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.migration.conversion import count_lost

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column that a table has in another type.

    Attributes:
        table: The table, `layer/name`.
        column: The column.
        found: Its type there, in words.
        wanted: Its type in the contract.
        values: Rows in which it has a value.
        lost: Those whose value is none of the type in the contract.
    """

    table: str
    column: str
    found: str
    wanted: str
    values: int
    lost: int


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
    found = tuple(one for table in tables for one in retyped(table, contract))
    known = table_key(lake, contract.stream)
    return Differences(found, known if known not in {None, contract.key} else None)


def retyped(table: Table, contract: Contract) -> list[Retyped]:
    """The columns of a table that have another type, their values counted in one pass."""
    columns = retyped_columns(table, contract) if table.exists() else ()
    if not columns:
        return []
    values, lost = (dict.fromkeys((one.name for one in columns), 0) for _ in range(2))
    for frame in table.batches(columns=list(values), rows=FRAME_ROWS):
        for column in columns:
            values[column.name] += frame[column.name].count()
            lost[column.name] += count_lost(column, frame[column.name])
    schema = table.schema()
    return [
        Retyped(
            f"{table.layer}/{table.name}",
            one.name,
            type_in_words(schema.field(one.name).type),
            type_in_words(one.arrow_type),
            values[one.name],
            lost[one.name],
        )
        for one in columns
    ]
