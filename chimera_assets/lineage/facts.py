"""The tables of the layer `marts` that have a row for each record of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import MARTS, STAGED, fact_table
from chimera_assets.privacy.origins import origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.privacy.origins import Lineages, Relation


def fact_tables(
    lake: Lake, contract: Contract, lineages: Lineages
) -> list[tuple[Table, Mapping[str, str]]]:
    """Tables by the hour that carry a stream's key, each with what it calls the key's columns."""
    names = {name for layer, name in lineages if layer == MARTS} | {fact_table(contract.stream)}
    found = []
    for name in sorted(names):
        table = lake.table(MARTS, name)
        if not table.exists():
            continue
        columns = table.schema().names
        key = _key_columns(contract, lineages, name, columns)
        if set(HOUR_COLUMNS) <= set(columns) and key is not None:
            found.append((table, key))
    return found


def _key_columns(
    contract: Contract, lineages: Lineages, table: str, columns: list[str]
) -> Mapping[str, str] | None:
    """Key column -> the column that is made of it alone; None if one has none."""
    if table == fact_table(contract.stream) and set(contract.key) <= set(columns):
        return {name: name for name in contract.key}
    versions = lineages.get((MARTS, table), {}).values()
    known = {name for one in versions for name in one.columns}
    made_of = {name: origins(lineages, MARTS, table, name) for name in columns if name in known}
    found = {}
    for key in contract.key:
        same = [
            name
            for name, one in made_of.items()
            if one.known and not one.streams and one.columns == {(contract.stream, key)}
        ]
        if not same:
            return None
        found[key] = key if key in same else same[0]
    return found


def readers(lineages: Lineages, stream: str) -> set[Relation]:
    """All tables and views that models make from a stream, through whatever is between."""
    found: set[Relation] = set()
    waiting: list[Relation] = [(STAGED, stream)]
    while waiting:
        read = waiting.pop()
        further = {
            relation
            for relation, versions in lineages.items()
            if any(one.reads is not None and read in one.reads for one in versions.values())
        } - found
        found |= further
        waiting.extend(further)
    return found
