"""What a column is made of, step by step, from a figure down to columns of the operational table.

    for step in ways_down(lineages, contracts, ("aggregates", "agg_costs", "requests")): ...

Of models it is what dbt's compiled SQL says (`quality/column_lineage`), of aggregates also the
measures as their packs define them, and of raw the contract: `physicalName` and `transformLogic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera_assets.contracts.model import UNMAPPED
from chimera_assets.contracts.transform import read_transform
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import AGGREGATES, LANDING, QUARANTINE, RAW, STAGED
from chimera_assets.privacy.origins import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.packs.aggregates import Aggregate
    from chimera_assets.privacy.origins import Lineages, ModelLineage, Relation, Source

#: In place of a layer: the operational database.
SOURCE = "source"

_RUN_COLUMNS = frozenset({"_batch_id", "_ingested_at", "_unreadable"})


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """One step down: what a column is made of, directly.

    Attributes:
        table, column: The column; the table is `layer/name`.
        from_table, from_column: What it is made of; the column is None where it is all rows, or
            nothing at all; the table `source/<name>` is one of the operational database.
        how: The expression, or in words what no column says; None for a column as it is.
    """

    table: str
    column: str
    from_table: str | None
    from_column: str | None
    how: str | None


def ways_down(
    lineages: Lineages,
    contracts: Mapping[str, Contract],
    aggregates: Iterable[Aggregate],
    start: Source,
) -> Iterator[ColumnStep]:
    """Every step from a column down to the operational database, each once, the nearest first.

    A table has hours of every version of its model that was run: of each version there are steps.
    """
    measures = {one.table: one.measures for one in aggregates}
    waiting, seen = [start], {start}
    while waiting:
        source = waiting.pop(0)
        for step in _steps(lineages, contracts, measures, source):
            yield step
            if step.from_table is None or step.from_column is None:
                continue
            layer, _, name = step.from_table.partition("/")
            further = (layer, name, step.from_column)
            if layer != SOURCE and further not in seen:
                seen.add(further)
                waiting.append(further)


def steps_down(
    lineages: Lineages, contracts: Mapping[str, Contract], column: Source
) -> Iterator[ColumnStep]:
    """The steps from a column to what it is made of, directly; without packs' measures."""
    return _steps(lineages, contracts, {}, column)


def _steps(
    lineages: Lineages,
    contracts: Mapping[str, Contract],
    measures: Mapping[str, Mapping[str, str]],
    column: Source,
) -> Iterator[ColumnStep]:
    layer, table, name = column
    if layer in {RAW, LANDING, STAGED, QUARANTINE}:
        if (contract := contracts.get(table)) is not None and name != ANY:
            yield from _of_stream(contract, layer, name)
        return
    how = measures.get(table, {}).get(name) if layer == AGGREGATES else None
    found: dict[ColumnStep, None] = {}
    for version in lineages.get((layer, table), {}).values():
        found |= dict.fromkeys(_of_version(version, column, how))
    yield from found


def _of_version(version: ModelLineage, column: Source, how: str | None) -> Iterator[ColumnStep]:
    layer, table, name = column
    here = f"{layer}/{table}"
    if name != ANY and name not in version.columns:
        return
    followed = version.columns[name] if name != ANY else None
    read = ", ".join(sorted(map(_named, version.reads or ())))
    if followed:
        for from_layer, from_table, from_column in sorted(followed):
            yield ColumnStep(here, name, f"{from_layer}/{from_table}", from_column, how)
    elif followed is not None and layer == AGGREGATES:
        words = f"all rows of {read}"
        yield ColumnStep(here, name, None, None, f"{how}: {words}" if how else words)
    elif followed is not None:
        yield ColumnStep(here, name, None, None, "a constant, or a number of rows")
    else:
        for relation in sorted(version.reads or ()):
            yield ColumnStep(here, name, _named(relation), ANY, "not followed: any column")
        if version.reads is None:
            yield ColumnStep(here, name, None, None, "not followed: nobody can say")


def _named(relation: Relation) -> str:
    return "/".join(relation)


def _of_stream(contract: Contract, layer: str, name: str) -> Iterator[ColumnStep]:
    """The step from a stream's column to the layer before it."""
    here = f"{layer}/{contract.stream}"
    if layer in {STAGED, QUARANTINE}:
        yield ColumnStep(here, name, f"{RAW}/{contract.stream}", name, None)
    elif name in _RUN_COLUMNS:
        yield ColumnStep(here, name, None, None, "noted by the extraction")
    else:
        yield from _of_source(contract, here, name)


def _of_source(contract: Contract, here: str, name: str) -> Iterator[ColumnStep]:
    table = f"{SOURCE}/{contract.source_table}"
    for column, how in source_columns(contract, name):
        yield ColumnStep(here, name, table, column, how)


def source_columns(contract: Contract, name: str) -> list[tuple[str | None, str | None]]:
    """The columns of the operational table that a column of raw is read from.

    Args:
        contract: The stream's contract.
        name: A column of it, or one of the hour's two.

    Returns:
        Column, and the expression or words; None for a column as it is.
    """
    if name in HOUR_COLUMNS:
        times = dict.fromkeys(filter(None, (contract.event_time, contract.arrival_time)))
        how = f"the hour of {' or '.join(times)}"
        return [(one, how) for time in times for one, _ in source_columns(contract, time)]
    if name == UNMAPPED:
        return [(None, "all columns that the contract does not name")]
    if name not in contract.column_names:
        return []
    column = contract.column(name)
    if column.transform is None:
        return [(column.source_name, None)]
    read = list(dict.fromkeys(read_transform(column.transform).names))
    return [(one, column.transform) for one in read] or [(None, column.transform)]
