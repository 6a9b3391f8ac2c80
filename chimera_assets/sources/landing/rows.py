"""Landed rows: completed with their hour and origin on the way in, given by the hour later on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import polars as pl
import pyarrow as pa

from chimera_assets.hour_columns import HOUR_FIELDS, hour_columns_of
from chimera_assets.layers import LANDING
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import damage
from chimera_assets.sources.landing.file_log import LOADED
from chimera_assets.sources.landing.values import typed
from chimera_assets.sources.placement import placed_polars
from chimera_assets.sources.stream import UNREADABLE, stream_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Lake
    from chimera_assets.sources.batch import Batch
    from chimera_assets.sources.landing.parsed import Parsed

#: Where a landed row is from: its file, and its line (in Parquet: its row) from 1.
ORIGIN = (pa.field("_file", pa.string()), pa.field("_line", pa.int64()))

_BATCH_ROWS = 65_536

#: A row may be so much later than its loading: its hour is run when it is over.
_AHEAD = timedelta(days=1)


def landing_schema(contract: Contract) -> pa.Schema:
    """The schema of `landing/<stream>`."""
    return pa.schema([*contract.arrow_schema(), *HOUR_FIELDS, UNREADABLE, *ORIGIN, LOADED])


@dataclass(frozen=True, slots=True)
class Takeable:
    """The times whose hours are run, now or soon.

    Attributes:
        start: The first moment.
        end: The moment after the last one.
    """

    start: datetime
    end: datetime

    @classmethod
    def at(cls, now: datetime) -> Self:
        """From CHIMERA_START to a little later than now, as clocks differ."""
        return cls(get_settings().start, now + _AHEAD)

    def arrival(self, modified: datetime, now: datetime) -> datetime:
        """When a file arrived that was written then: now, if it says what cannot be."""
        return modified if self.start <= modified <= now else now

    def outside(self, time: pl.Expr) -> pl.Expr:
        """Whether a time is in none of these hours; null has no place of its own anyway."""
        return ((time < self.start) | (time >= self.end)).fill_null(value=False)

    def why(self, time: pl.Expr) -> pl.Expr:
        """Why the hour of such a time cannot take a row."""
        before = f"its time is before CHIMERA_START ({self.start:%Y-%m-%dT%H:%MZ})"
        after = f"its time is after {self.end:%Y-%m-%dT%H:%MZ}, a day after it was loaded"
        return pl.when(time < self.start).then(pl.lit(before)).otherwise(pl.lit(after))


def complete(
    parsed: Parsed, contract: Contract, uri: str, arrived: datetime, takeable: Takeable
) -> pl.DataFrame:
    """Parsed rows as they are kept, but for `_taken`.

    Args:
        parsed: What a reader gives.
        contract: Their contract.
        uri: The file.
        arrived: When the file arrived: the arrival of rows that do not give their own, and the
            place of all that has no time or is no row.
        takeable: The times that have an hour; a row of another one is kept where it arrived.
    """
    values, unreadable = typed(parsed, contract)
    rows = values.with_columns(unreadable, parsed.rows["_line"].alias("_line"))
    moment = pl.lit(arrived).cast(pl.Datetime("us", "UTC"))
    if (arrival := contract.arrival_time) and arrival != contract.event_time:
        given = _names_column(arrival)
        rows = rows.with_columns(
            pl.when(pl.col(arrival).is_null() & ~given)
            .then(moment)
            .otherwise(arrival)
            .alias(arrival)
        )
    rows = rows.with_columns(_placed=pl.coalesce(_placed_at(contract), moment))
    if rows.select(takeable.outside(pl.col("_placed")).any()).item():
        rows = _where_they_arrived(rows, contract, moment, takeable)
    if parsed.malformed:
        rows = pl.concat([rows, _malformed(parsed.malformed, moment)], how="diagonal")
    return rows.select(
        *contract.column_names,
        *hour_columns_of(pl.col("_placed")),
        _with_origin(uri).alias(UNREADABLE.name),
        pl.lit(uri).alias(ORIGIN[0].name),
        pl.col("_line"),
    )


def _where_they_arrived(
    rows: pl.DataFrame, contract: Contract, moment: pl.Expr, takeable: Takeable
) -> pl.DataFrame:
    """The rows, those that no hour can take placed where they arrived, with the reason."""
    placed, text = pl.col("_placed"), pl.col(UNREADABLE.name)
    outside = takeable.outside(placed)
    arrival = pl.col(contract.arrival_time) if contract.arrival_time else moment
    about = pl.concat_str(
        pl.coalesce(text.str.strip_suffix("}") + ",", pl.lit("{")),
        pl.lit(f'"{damage.RULE}":"{damage.NO_HOUR}","{damage.WHY}":"'),
        takeable.why(placed),
        pl.lit('"}'),
    )
    known = pl.when(~takeable.outside(arrival)).then(arrival)
    return rows.with_columns(
        pl.when(outside).then(about).otherwise(text).alias(UNREADABLE.name),
        _placed=pl.when(outside).then(pl.coalesce(known, moment)).otherwise(placed),
    )


def more_malformed_row(contract: Contract, uri: str, arrived: datetime, lines: int) -> pl.DataFrame:
    """The one row that stands for further malformed lines of a file."""
    return _no_row(contract, uri, arrived, damage.more_malformed(lines))


def corrupt_row(contract: Contract, uri: str, arrived: datetime, why: str) -> pl.DataFrame:
    """The one row that stands for a file of which nothing is loaded, in the same columns."""
    return _no_row(contract, uri, arrived, damage.corrupt(why))


def _no_row(contract: Contract, uri: str, arrived: datetime, unreadable: str) -> pl.DataFrame:
    moment = pl.lit(arrived).cast(pl.Datetime("us", "UTC"))
    return pl.select(
        *(pl.lit(None, column.polars_type).alias(column.name) for column in contract.columns),
        *hour_columns_of(moment),
        pl.lit(unreadable).alias(UNREADABLE.name),
        _line=pl.lit(None, pl.Int64),
    ).with_columns(_with_origin(uri).alias(UNREADABLE.name), pl.lit(uri).alias(ORIGIN[0].name))


def _names_column(column: str) -> pl.Expr:
    """Whether the row's value of a column is among those that could not be read."""
    found = pl.col(UNREADABLE.name).str.json_path_match(f"$['{column}']")
    return found.is_not_null().fill_null(value=False)


def _placed_at(contract: Contract) -> pl.Expr:
    """The time that places a row in its hour, by the same rule as PostgreSQL's rows."""
    arrival = contract.arrival_time
    event = pl.col(contract.event_time or "")
    return placed_polars(event, pl.col(arrival) if arrival is not None else None)


def _malformed(lines: list[tuple[int, str]], moment: pl.Expr) -> pl.DataFrame:
    return pl.DataFrame(
        {
            UNREADABLE.name: [damage.malformed(text) for _, text in lines],
            "_line": pl.Series([number for number, _ in lines], dtype=pl.Int64),
        }
    ).with_columns(_placed=moment)


def _with_origin(uri: str) -> pl.Expr:
    """`_unreadable` with the file and the line at its end."""
    text = pl.col(UNREADABLE.name)
    file = (
        pl.Series([uri])
        .to_frame(damage.FILE)
        .select(pl.struct(damage.FILE).struct.json_encode())
        .item()
    )
    line = pl.format(',"{}":{}', pl.lit(damage.LINE), pl.col("_line")).fill_null("")
    documented = pl.concat_str(
        text.str.strip_suffix("}"), pl.lit(f",{file[1:-1]}"), line, pl.lit("}")
    )
    return pl.when(text.is_not_null()).then(documented)


def landed_rows(
    lake: Lake, contract: Contract, hours: HourRange, batch: Batch
) -> pa.RecordBatchReader | None:
    """The rows that landed in some hours, as the table has them now; None if none ever did.

    Returns:
        A stream in the schema of PostgreSQL's: see `stream_schema`.

    Raises:
        LakeError: The table cannot be read; also while the stream is read.
    """
    table = lake.table(LANDING, contract.stream)
    if not table.exists():
        return None
    schema = stream_schema(contract, hourly=True)
    kept = set(table.schema().names)
    frame = table.read(hours, [name for name in schema.names if name in kept])
    # A column that the contract has only got since is null in what landed before.
    later = [
        pl.lit(None, column.polars_type).alias(column.name)
        for column in contract.columns
        if column.name not in kept
    ]
    frame = frame.with_columns(
        *later,
        pl.lit(batch.batch_id).alias("_batch_id"),
        pl.lit(batch.ingested_at).cast(pl.Datetime("us", "UTC")).alias("_ingested_at"),
    ).select(schema.names)
    return pa.RecordBatchReader.from_batches(schema, _batches(frame, schema))


def _batches(frame: pl.LazyFrame, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for part in frame.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True, lazy=True):
        yield from part.to_arrow().cast(schema).to_batches()
