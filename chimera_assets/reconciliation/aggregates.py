"""Aggregates made again from the facts as their packs define them, and compared with those kept.

They are made by DuckDB from the facts' data files, independent of the dbt models.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from chimera_assets.errors import one_line
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake.errors import translated
from chimera_assets.layers import AGGREGATES, MARTS
from chimera_assets.packs import active_packs
from chimera_assets.packs.model_columns import described_models
from chimera_assets.row_values import words
from chimera_assets.spool import spool_folder
from chimera_assets.warehouse.duckdb import connect
from chimera_assets.warehouse.hour_rows import hour_rows
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake, Table
    from chimera_assets.packs.aggregates import Aggregate

#: Sums of floating-point numbers differ by the order in which they are added.
_RELATIVE = 1e-9

_MEMORY = "1GB"


def compared(aggregate: Aggregate, lake: Lake, ranges: Sequence[HourRange]) -> pl.DataFrame:
    """Compare an aggregate with what its facts give.

    Args:
        aggregate: Its definition.
        lake: The lake.
        ranges: The hours to compare.

    Returns:
        A row an hour and measure that differ: the hour columns, `measure`, `expected` and `found`
        (the hour's totals), `groups`: how many rows of the aggregate are wrong, missing or too
        many.

    Raises:
        PackError: The definition does not fit the facts.
    """
    grain, measures = [*HOUR_COLUMNS, *aggregate.grain], list(aggregate.measures)
    table = lake.table(AGGREGATES, aggregate.table)
    _require_columns(aggregate, table.schema().names)
    frames = [table.read(hours, [*grain, *measures]) for hours in ranges]
    kept = pl.concat(frames).collect(engine="streaming")
    types = pl.Schema({column: kept.schema[column] for column in grain})
    given = from_facts(aggregate, lake, ranges).cast(types)
    numbers = [
        pl.col(name).cast(_number_type(given.schema[name], kept.schema[name])) for name in measures
    ]
    both = given.with_columns(numbers, _given=pl.lit(value=True)).join(
        kept.with_columns(numbers, _kept=pl.lit(value=True)),
        on=grain,
        how="full",
        coalesce=True,
        nulls_equal=True,
        suffix="_kept",
    )
    found = [_differing(both, measure) for measure in measures]
    return pl.concat(found, how="vertical_relaxed")


def _number_type(*types: pl.DataType) -> pl.DataType:
    """In what two numbers are compared: exact ones exactly, however large they are."""
    if not all(one.is_integer() or one.is_decimal() for one in types):
        return pl.Float64()
    scale = max(one.scale if isinstance(one, pl.Decimal) else 0 for one in types)
    return pl.Decimal(38, scale) if scale else pl.Int128()


def _require_columns(aggregate: Aggregate, known: Sequence[str]) -> None:
    for name in (*aggregate.grain, *aggregate.measures):
        if name not in known:
            what, expected = f"column of {aggregate.table}", one_of(known, name)
            raise aggregate.problem(what, expected=expected, found=name)


def from_facts(aggregate: Aggregate, lake: Lake, ranges: Sequence[HourRange]) -> pl.DataFrame:
    """The grain and the measures of the hours, as the definition gives them.

    Args:
        aggregate: Its definition.
        lake: The lake.
        ranges: The hours.

    Raises:
        PackError: The definition does not fit the facts.
    """
    facts = [lake.table(MARTS, name) for name in aggregate.facts]
    with spool_folder("aggregates") as folder, connect(lake) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        with _explained(aggregate, facts[0]):
            rows = {
                fact.name: hour_rows(connection, fact, ranges)
                if fact.exists()
                else _no_rows(aggregate, fact.name)
                for fact in facts
            }
            return connection.execute(_sql(aggregate, rows)).pl()


def from_rows(
    connection: duckdb.DuckDBPyConnection,
    aggregate: Aggregate,
    lake: Lake,
    rows: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """The grain and the measures that a few rows of facts give; facts without any are empty.

    Args:
        connection: Any, of which names that begin with `_rows_` are taken.
        aggregate: Its definition.
        lake: The lake.
        rows: Fact -> its rows.

    Raises:
        PackError: The definition does not fit the facts.
    """
    facts = [lake.table(MARTS, name) for name in aggregate.facts]
    with _explained(aggregate, facts[0]):
        selects = {}
        for each in facts:
            selects[each.name] = f"SELECT * FROM _rows_{each.name}"  # noqa: S608 - a table's name
            if not each.exists():
                selects[each.name] = _no_rows(aggregate, each.name)
                continue
            given = [rows[each.name].to_arrow()] if each.name in rows else []
            empty = each.schema().empty_table()
            table = pa.concat_tables([empty, *given], promote_options="permissive")
            connection.register(f"_rows_{each.name}", table)
        return connection.execute(_sql(aggregate, selects)).pl()


@contextmanager
def _explained(aggregate: Aggregate, fact: Table) -> Iterator[None]:
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        what, found = f"aggregate {aggregate.table}", one_line(words(error))
        raise aggregate.problem(what, expected="SQL that fits its facts", found=found) from None
    except duckdb.Error as error:
        raise translated(error, fact.uri) from error


def _no_rows(aggregate: Aggregate, fact: str) -> str:
    """A SELECT of a fact that has no table yet, with the columns that its model is said to have."""
    described = described_models(active_packs()).get(fact)
    if described is None:
        found = f"no table marts/{fact}, and no .yml that describes its columns"
        raise aggregate.problem("facts", expected="a table or its description", found=found)
    columns = (f'CAST(NULL AS {kind}) AS "{name}"' for name, (kind, _) in described.columns.items())
    return f"SELECT {', '.join(columns)} WHERE false"


def _sql(aggregate: Aggregate, rows: Mapping[str, str]) -> str:
    """The aggregate's SQL over its facts, each of which is given as a SELECT."""
    facts = ", ".join(f'"{name}" AS NOT MATERIALIZED ({select})' for name, select in rows.items())
    grain = ", ".join((*HOUR_COLUMNS, *aggregate.grain))
    measures = ", ".join(f"{sql} AS {name}" for name, sql in aggregate.measures.items())
    return (
        f"WITH {facts} SELECT {grain}, {measures} FROM ({aggregate.source}) AS source "  # noqa: S608 - the pack's own SQL
        f"GROUP BY {grain}"
    )


def _differing(both: pl.DataFrame, measure: str) -> pl.DataFrame:
    given, kept = pl.col(measure), pl.col(f"{measure}_kept")
    close = given == kept  # infinity, too, though it differs from itself by no number
    if both.schema[measure].is_float():
        most = pl.max_horizontal(given.abs(), kept.abs(), 1.0)
        close |= (given - kept).abs() <= _RELATIVE * most
    same = (close | (given.is_null() & kept.is_null())).fill_null(value=False)
    there = (pl.col("_given") & pl.col("_kept")).fill_null(value=False)
    return (
        both.group_by(*HOUR_COLUMNS)
        .agg(
            measure=pl.lit(measure),
            expected=given.sum(),
            found=kept.sum(),
            groups=(~(same & there)).sum().cast(pl.Int64),
        )
        .filter(pl.col("groups") > 0)
        .sort(HOUR_COLUMNS)
    )
