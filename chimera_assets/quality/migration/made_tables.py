"""Tables that models make of a stream, in the types that the models say by now.

Their values are cast, so that readers and models find the new types; the models then make the hours
again of what is staged.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from chimera_assets.hour_ranges import ranges
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.ingest.migration_state import TRANSACTION
from chimera_assets.lake import CommitConflict
from chimera_assets.lake.adoption import adopt
from chimera_assets.lake.snapshot import polars_schema
from chimera_assets.lake.stream import Replay
from chimera_assets.lake.type_mapping import delta_type, fits
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.packs import active_packs
from chimera_assets.packs.model_columns import described_models
from chimera_assets.privacy.origins import origins
from chimera_assets.quality.hour_pass import FRAME_ROWS
from chimera_assets.quality.migration.beside import HoursChanged
from chimera_assets.system_tables.column_lineage import column_lineages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table
    from chimera_assets.packs.model_columns import DescribedModel
    from chimera_assets.privacy.origins import Lineages
    from chimera_assets.quality.migration.beside import Beside
    from chimera_assets.run_context import RunContext

#: How often hours are made again that others wrote meanwhile.
_ATTEMPTS = 20


def retype_made_tables(context: RunContext, contract: Contract, beside: Beside) -> None:
    """Give the tables that are made of a stream the types that their models say.

    Raises:
        CommitConflict: Others kept writing one of them; it is as it was.
    """
    for table, schema in _retyped(context.lake, contract.stream):
        if set(HOUR_COLUMNS) <= set(table.partition_columns()):
            _retype_hours(context, beside, table, schema)
        else:
            cast = table.read().collect().cast(_polars(schema), strict=False)
            table.overwrite(cast, partition_by=table.partition_columns())


def made_and_taken(name: str, make: Callable[[], None], take: Callable[[], object]) -> None:
    """Make a table's hours and let it take its place, again for hours that came meanwhile.

    Raises:
        CommitConflict: Others kept writing it.
    """
    for _ in range(_ATTEMPTS):
        make()
        try:
            take()
        except HoursChanged:
            continue
        return
    msg = f"{name}: others kept writing its hours; run it again when they are done"
    raise CommitConflict(msg)


def _retype_hours(context: RunContext, beside: Beside, table: Table, schema: pa.Schema) -> None:
    part = f"{table.layer}/{table.name}"
    beside.make_anew([(table.layer, table.name)])
    made = beside.table(table.layer, table.name)
    made.create(schema)
    made_and_taken(
        part,
        lambda: _make(beside, part, table, made),
        lambda: adopt(
            table,
            made,
            lambda: beside.require_made(part, [table]),
            transaction=(TRANSACTION, beside.number),
            metadata={"run": context.run_id},
        ),
    )


def _make(beside: Beside, part: str, table: Table, made: Table) -> None:
    pending = beside.pending(part, [table])
    placed = sorted(hour for hour in pending if hour is not None)
    for _, some in groupby(placed, key=lambda hour: hour.date()):
        hours = list(some)
        for each in ranges(hours):
            made.write_hours(Replay(made.schema(), partial(_cast, table, made, each)), each)
        beside.note(part, {hour: pending[hour] for hour in hours})


def _cast(table: Table, made: Table, hours: HourRange) -> Iterator[pa.RecordBatch]:
    kinds, schema = polars_schema(made.delta()), made.schema()
    for frame in table.batches(hours, rows=FRAME_ROWS):
        cast = frame.cast(kinds, strict=False).select(schema.names)
        yield from cast.to_arrow().cast(schema).to_batches()


def _retyped(lake: Lake, stream: str) -> Iterator[tuple[Table, pa.Schema]]:
    """The tables made of a stream that have columns of other types, and the schema they should."""
    described, lineages = described_models(active_packs()), column_lineages(lake)
    for layer, name in lake.tables():
        if layer not in {MARTS, AGGREGATES} or name not in described:
            continue
        table = lake.table(layer, name)
        old = table.schema()
        wanted = _declared(described[name])
        changed = {
            one.name
            for one in old
            if (kind := wanted.get(one.name)) is not None and not fits(kind, one.type)
        }
        if changed and _is_made_of(lineages, table, stream):
            fields = [
                one.with_type(wanted[one.name]) if one.name in changed else one for one in old
            ]
            yield table, pa.schema(fields)


def _is_made_of(lineages: Lineages, table: Table, stream: str) -> bool:
    """Whether any column may be made of a stream, by what is known of the model."""
    for column in table.schema().names:
        made_of = origins(lineages, table.layer, table.name, column)
        if stream in {*made_of.streams, *(name for name, _ in made_of.columns)}:
            return True
    return False


def _declared(model: DescribedModel) -> Mapping[str, pa.DataType]:
    """The types that a model's columns are said to have, as they stand in a table."""
    with duckdb.connect() as connection:
        found = {
            name: connection.sql(f"SELECT CAST(NULL AS {kind}) AS kind").to_arrow_table()
            for name, (kind, _) in model.columns.items()
            if name in model.typed and name not in HOUR_COLUMNS
        }
    kinds = {name: delta_type(one.schema.field("kind").type) for name, one in found.items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _polars(schema: pa.Schema) -> pl.Schema:
    return pl.DataFrame(pl.from_arrow(schema.empty_table())).schema
