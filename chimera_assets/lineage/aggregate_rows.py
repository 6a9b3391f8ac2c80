"""The rows of aggregates that count a record, and what it adds to each of their measures.

A pack's `aggregates.yaml` says what an aggregate's rows are made of. Its SQL is run over the one
fact row: what comes out are the groups that the record is in, and its own part of each measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from chimera_assets.hour_columns import hour_columns_of
from chimera_assets.hours import HOUR_COLUMNS, HourRange
from chimera_assets.lake.data_files import files
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.lineage.record import Counted, Stored
from chimera_assets.lineage.table_log import TableLog
from chimera_assets.privacy.origins import origins
from chimera_assets.reconciliation.aggregates import from_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from chimera_assets.lake import Lake, Table
    from chimera_assets.packs.aggregates import Aggregate
    from chimera_assets.privacy.origins import Lineages


@dataclass(frozen=True, slots=True)
class FactRows:
    """A record as a fact has it.

    Attributes:
        stream: Its stream.
        fact: The table, in `marts`.
        rows: Its rows there, without the hour's columns.
        hour: Their hour.
    """

    stream: str
    fact: str
    rows: pl.DataFrame
    hour: datetime


def counted_in(
    lake: Lake, aggregates: Iterable[Aggregate], lineages: Lineages, record: FactRows
) -> Iterator[Counted]:
    """The rows that count a record.

    Args:
        lake: The lake.
        aggregates: All aggregates.
        lineages: What models make their columns of.
        record: The record.

    Raises:
        PackError: An aggregate's definition does not fit its facts.
    """
    moment = pl.lit(record.hour, pl.Datetime("us", "UTC"))
    rows = {record.fact: record.rows.with_columns(hour_columns_of(moment))}
    counting = [one for one in aggregates if record.fact in one.facts]
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for aggregate in counting:
            if lake.table(AGGREGATES, aggregate.table).exists():
                given = from_rows(connection, aggregate, lake, rows)
                yield from _groups(lake, aggregate, lineages, record, given)


def _groups(
    lake: Lake, aggregate: Aggregate, lineages: Lineages, record: FactRows, given: pl.DataFrame
) -> Iterator[Counted]:
    """The groups of an aggregate that a record is in, each with what it adds."""
    table, hours = lake.table(AGGREGATES, aggregate.table), HourRange.single(record.hour)
    kept = table.read(hours, [*aggregate.grain, *aggregate.measures]).collect()
    typed = given.with_columns(pl.col(name).cast(kind) for name, kind in kept.schema.items())
    newest = _newest(table, record.hour)
    further = _further_columns(lineages, record.stream, aggregate, table.schema().names)
    for group in typed.iter_rows(named=True):
        grouping = {name: group[name] for name in aggregate.grain}
        adds = {name: group[name] for name in aggregate.measures if group[name]}
        totals = _totals(kept, grouping, adds)
        yield Counted(newest, f"{MARTS}/{record.fact}", grouping, adds, totals, further)


def _totals(
    kept: pl.DataFrame, grouping: Mapping[str, Any], measures: Iterable[str]
) -> Mapping[str, Any] | None:
    """The measures of the group's row; None if the aggregate has no such row."""
    row = kept.filter(
        pl.lit(value=True),
        *(pl.col(n).eq_missing(pl.lit(value, kept.schema[n])) for n, value in grouping.items()),
    )
    return row.select(list(measures)).to_dicts()[0] if row.height else None


def _newest(table: Table, hour: datetime) -> Stored:
    """Where the hour's rows of an aggregate lie, and the commit that wrote them last."""
    lying = files(table, table.delta(), HourRange.single(hour))["path"].to_list()
    name = f"{table.layer}/{table.name}"
    for commit in reversed(TableLog(table).commits(hour)):
        if set(lying) & set(commit.added):
            return Stored(name, commit.version, commit.at, commit.run, None, tuple(lying))
    return Stored(name, None, None, None, None, tuple(lying))


def _further_columns(
    lineages: Lineages, stream: str, aggregate: Aggregate, columns: Iterable[str]
) -> tuple[str, ...]:
    """Columns of an aggregate, beside grain and measures, that are made of a stream's columns."""
    known = {*HOUR_COLUMNS, *aggregate.grain, *aggregate.measures}
    made = {
        name: origins(lineages, AGGREGATES, aggregate.table, name)
        for name in columns
        if name not in known
    }
    return tuple(
        name for name, of in made.items() if stream in of.streams | {one for one, _ in of.columns}
    )
