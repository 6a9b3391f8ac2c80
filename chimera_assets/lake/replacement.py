"""Some rows of some hours, and of those of no hour, replaced by others in one commit.

As in `removal.py`, what stays is read from the very snapshot that the commit is made on.
"""

from __future__ import annotations

from itertools import chain, groupby
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from deltalake import write_deltalake

from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN
from chimera_assets.lake import reading
from chimera_assets.lake.bounded import MOST_ROWS
from chimera_assets.lake.commit import commit
from chimera_assets.lake.file_commit import WRITER
from chimera_assets.lake.stream import Replay, Stream
from chimera_assets.lake.type_mapping import agreed_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from deltalake import CommitProperties, DeltaTable

    from chimera_assets.lake.commit import Carry, Commit
    from chimera_assets.lake.snapshot import TableState


def replace_rows(  # noqa: PLR0913
    table: TableState,
    hours: Collection[tuple[date, int]],
    keep: pl.Expr,
    fresh: Replay,
    *,
    metadata: Mapping[str, str],
    carry: Carry,
) -> Commit:
    """Replace rows of an hourly table.

    Args:
        table: The table.
        hours: The days and hours of all rows that go or come; those of no hour may do so, too.
        keep: Which of their rows stay.
        fresh: The rows that come.
        metadata: Kept with the commit.
        carry: See `Table.write_hours`.

    Raises:
        CommitConflict: Others kept changing the same hours; nothing was replaced.
    """
    by_day = {day: [h for _, h in pairs] for day, pairs in groupby(sorted(hours), lambda p: p[0])}
    here = pl.any_horizontal(
        pl.col(DAY_COLUMN).is_null(),
        *((pl.col(DAY_COLUMN) == d) & pl.col(HOUR_COLUMN).is_in(h) for d, h in by_day.items()),
    )
    predicate = " OR ".join(
        [f"{DAY_COLUMN} IS NULL"]
        + [f"({DAY_COLUMN} = '{d}' AND {HOUR_COLUMN} IN ({_listed(h)}))" for d, h in by_day.items()]
    )

    def replace(delta: DeltaTable, properties: CommitProperties) -> None:
        kept = reading.read(table, delta, None, None).filter(here & keep)
        existing = table.schema()
        agreed = agreed_schema(fresh.schema, existing, table.uri, hourly=True)
        schema = pa.schema([*agreed, *(one for one in existing if one.name not in agreed.names)])
        with Stream(Replay(schema, lambda: _both(kept, fresh, schema))) as stream:
            write_deltalake(
                delta,
                stream.reader(schema, table.uri),
                mode="overwrite",
                predicate=predicate,
                schema_mode="merge" if set(schema.names) != set(existing.names) else None,
                writer_properties=WRITER,
                commit_properties=properties,
            )

    recorded = {**metadata, "chimera.write": "replace rows"}
    return commit(table, replace, metadata=recorded, carry=carry)


def _listed(hours: list[int]) -> str:
    return ", ".join(map(str, hours))


def _both(kept: pl.LazyFrame, fresh: Replay, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    parts = kept.collect_batches(chunk_size=MOST_ROWS, lazy=True)
    stay = chain.from_iterable(part.to_arrow().to_batches() for part in parts)
    for batch in chain(stay, fresh.batches()):
        yield _with_all_columns(batch, schema)


def _with_all_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with nulls in the columns that it lacks: the table's and the fresh rows' differ."""
    known = batch.schema.names
    columns = [
        batch.column(field.name) if field.name in known else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)
